"""What the second opinion costs: the rewrites of all shipped patches with it and without, in pairs.

python -m benchmarks.engine.second_opinion [--runs 15]
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.patchfile.catalogue import load_catalogue
from patcher.rewrite import file as rewriting
from patcher.rewrite.cached import Cached
from patcher.rewrite.file import Rewrite, rewrite_file, rewrite_patch
from patcher.rewrite.forms import chosen_form

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch

AIM = 1 / 5


def seconds(patch: Patch, files: Mapping[str, bytes], rewrite: Rewrite, opinion: bool) -> float:
    """Processor time of one rewrite of a patch, cold unless ``rewrite`` remembers."""
    agree = rewriting._agree
    if not opinion:
        rewriting._agree = lambda source, text, outcomes: list(outcomes)
    try:
        start = time.process_time()
        rewrite_patch(patch, files.get, rewrite)
        return time.process_time() - start
    finally:
        rewriting._agree = agree


def pairs(
    patches: Sequence[Patch], files: Mapping[str, bytes], runs: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Seconds with, without, and from the cache, of each patch in each run."""
    result: dict[str, list[tuple[float, float, float]]] = {}
    for run in range(runs + 1):
        for patch in patches:
            first = run % 2 == 0
            times = {way: seconds(patch, files, rewrite_file, way) for way in (first, not first)}
            kept = Cached({})
            seconds(patch, files, kept, True)
            warm = seconds(patch, files, kept, True)
            if run:  # the first one warms up
                result.setdefault(patch.name, []).append((times[True], times[False], warm))
    return result


def table(root: Path, runs: int) -> str:
    """A section for the page: the share of each patch, and of all together."""
    files = {p.relative_to(root).as_posix(): p.read_bytes()
             for p in (root / "chatterbox").rglob("*.py")}  # fmt: skip
    fitting = []
    for patch in load_catalogue().patches.values():
        form = chosen_form(patch, files.get)
        outcomes, written = rewrite_patch(form, files.get)
        if written and all(each.status in rewriting.WRITABLE for each in outcomes):
            fitting.append(form)
    measured = pairs(fitting, files, runs)
    least = {name: [min(each[k] for each in of) for k in range(3)] for name, of in measured.items()}
    shares = {name: with_it / without - 1 for name, (with_it, without, _) in least.items()}
    cold, bare, warm = (sum(of[k] for of in least.values()) * 1000 for k in range(3))
    whole = cold / bare - 1
    ranked = sorted(shares, key=lambda name: shares[name])
    over = sum(share > AIM for share in shares.values())
    rows = [
        f"| {name} | {least[name][0] * 1000:.1f} | {shares[name]:.0%} |"
        for name in (*ranked[:3], *ranked[-5:])
    ]
    return "\n".join([
        "\n## The second opinion\n",
        f"Rewriting alone, in one process, {len(fitting)} shipped patches that fit the installed",
        "Chatterbox, processor time, with the second opinion and without it in pairs whose order",
        f"alternates; the least of {runs} each, as what disturbs only adds. All together:",
        f"{cold:.0f} ms with, {bare:.0f} ms",
        f"without, which is {whole:.0%} more (aim: under {AIM:.0%}); {over} patches are over it.",
        f"From the cache, which a warm `apply` reads: {warm:.0f} ms, and the second opinion is not",
        "asked. The least and the most:\n",
        "| patch | ms, cold, with it | more by |", "|---|---|---|", *rows,
    ]) + "\n"  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    result = importlib.util.find_spec("chatterbox")
    if result is None or not result.submodule_search_locations:
        parser.error("Chatterbox is not installed")
    print(table(Path(next(iter(result.submodule_search_locations))).parent, options.runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
