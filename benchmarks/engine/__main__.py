"""Times rewriting against ast-grep, semgrep and `libcst.tool codemod`: whole processes, in pairs.

    python -m benchmarks.engine --tools VENV/bin [--rounds 10] [--out docs/benchmarks-engine.md]

``--tools`` is an environment of its own: `pip install ast-grep-cli semgrep libcst`. Every round
runs each tool once, in an order drawn anew, on a tree of its own that is put back between runs
outside the timing. Each tool's tree is compared with what the job should give.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.engine import second_opinion
from benchmarks.engine.growth import by_files, by_patches
from benchmarks.engine.jobs import (
    Tools,
    changed,
    copy_package,
    environment,
    others,
    run,
    spec,
    write_rules,
)
from benchmarks.engine.machine import device

Times = dict[str, list[float]]


def timed(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(tools: Tools, source: Path, work: Path, rounds: int, seed: int) -> Times:
    """Wall time in seconds of each tool in each round; the first, untimed round warms the disk."""
    patcher = str(tools.patcher)
    space = work / "workspace"
    (space / "patches").mkdir(parents=True)
    base = work / "base"
    package = copy_package(source, base)
    expected = changed(package)
    (space / "patches" / "no_grad.yaml").write_text(spec("no_grad", package))
    first = "patch: first\nsummary: s\ntarget: chatterbox-tts\nequivalence: bitwise\nedits:\n"
    first += f"  - file: {next(iter(expected))}\n    import: import this_is_only_read\n"
    (space / "patches" / "first.yaml").write_text(first)
    run([patcher, "init", "-q"], space)
    write_rules(work)
    cache = space / ".patcher" / "cache"
    times: Times = {}

    def note(name: str, command: list[str], folder: Path) -> None:
        times.setdefault(name, []).append(timed(lambda: run(command, folder)))

    def patcher_apply(name: str, cold: bool) -> None:
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        note(name, [patcher, "apply", "no_grad", "-q"], space)
        check(root, expected)
        if cold:
            note("patcher status", [patcher, "status"], space)
        note("patcher revert --all", [patcher, "revert", "--all", "-q"], space)

    def other(name: str) -> None:
        tree = work / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        copy_package(source, tree)
        note(name, others(tools, tree)[name], work)
        check(tree, expected)

    def partial() -> None:
        run([patcher, "apply", "first", "no_grad", "-q"], space)
        note("patcher revert (one of two)", [patcher, "revert", "first", "-q"], space)
        run([patcher, "revert", "--all", "-q"], space)

    root = Path(
        subprocess.run(
            [sys.executable, "-c", _ROOT, patcher], cwd=space, check=True, capture_output=True,
            text=True, env=environment(),
        ).stdout.strip()
    )  # fmt: skip
    jobs: list[Callable[[], None]] = [
        lambda: patcher_apply("patcher apply, cold", True),
        lambda: patcher_apply("patcher apply, warm", False),
        partial,
        lambda: note("python -c pass", [sys.executable, "-c", "pass"], work),
        lambda: note("python -c 'import libcst'", [sys.executable, "-c", "import libcst"], work),
        *(lambda name=name: other(name) for name in ("ast-grep", "semgrep", "libcst.tool")),
    ]
    draw = random.Random(seed)
    for number in range(rounds + 1):
        draw.shuffle(jobs)
        for job in jobs:
            job()
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        if number == 0:
            times.clear()
    return times


_ROOT = (
    "import json, subprocess, sys; "
    "print(json.loads(subprocess.run([sys.argv[1], 'status', '--json'], check=True, "
    "capture_output=True).stdout)['root'])"
)


def check(tree: Path, expected: dict[str, bytes]) -> None:
    """The tool must have done the job, and nothing else to these files."""
    for path, content in expected.items():
        if (tree / path).read_bytes() != content:
            raise SystemExit(f"{tree / path} is not what the job gives")


def ratio(times: Times, name: str, to: str) -> str:
    """Median of the ratios within rounds, with their quartiles."""
    pairs = [a / b for a, b in zip(times[name], times[to], strict=True)]
    low, middle, high = statistics.quantiles(pairs, n=4)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def report(times: Times, files: str, patches: str, tools: Tools, rounds: int, sites: int) -> str:
    rows = ["| whole process | median, ms | of patcher apply, cold | of patcher apply, warm |",
            "|---|---|---|---|"]  # fmt: skip
    for name in sorted(times, key=lambda each: statistics.median(times[each])):
        if name == "patcher revert --all":  # twice a round
            times[name] = [
                min(pair) for pair in zip(times[name][::2], times[name][1::2], strict=True)
            ]
        middle = statistics.median(times[name]) * 1000
        cold, warm = (ratio(times, name, f"patcher apply, {kind}") for kind in ("cold", "warm"))
        rows.append(f"| {name} | {middle:.0f} | {cold} | {warm} |")
    versions = ", ".join(version(tools, name) for name in ("ast-grep", "semgrep", "libcst"))
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return f"""# The rewriting engine, timed

Written by `python -m benchmarks.engine` on {today}: Python {platform.python_version()}, {versions};
{device()}. {rounds} rounds, each tool once a round
in an order drawn anew, whole processes, on trees of their own.

The job: the {sites} `torch.no_grad()` sites of Chatterbox TTS become `torch.inference_mode()`.
`patcher apply` plans, backs up, journals, writes, syncs to disk and commits; the others write the
files. Cold: nothing kept from an earlier run. Warm: the result of this rewriting is in the
workspace's cache. Ratios are within rounds: median, then quartiles. A cold apply imports
LibCST: a row of its own here, which it cannot be faster than.

{chr(10).join(rows)}

## Growth
Median of {max(3, rounds // 2)} runs, ms. Each patch has one site; the trees are copies of
Chatterbox's own modules.

{patches}

{files}
"""


def version(tools: Tools, name: str) -> str:
    if name == "libcst":
        code = "import importlib.metadata as m; print('libcst', m.version('libcst'))"
        command = [tools.other("python"), "-c", code]
    else:
        command = [tools.other(name), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    text = done.stdout.strip().splitlines()[-1]
    return text if text.startswith(name) else f"{name} {text}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tools", type=Path, required=True, help="bin folder of the other tools")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, nargs="*", default=[50, 1_000, 10_000])
    parser.add_argument("--patches", type=int, nargs="*", default=[1, 10, 100])
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks-engine.md"))
    options = parser.parse_args()
    result = importlib.util.find_spec("chatterbox")
    if result is None or not result.submodule_search_locations:
        parser.error("Chatterbox is not installed")
    source = Path(next(iter(result.submodule_search_locations)))
    tools = Tools(Path(sys.executable).parent / "patcher", options.tools.absolute())
    runs = max(3, options.rounds // 2)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        times = compare(tools, source, work / "compare", options.rounds, options.seed)
        patches = by_patches(tools, work / "patches", options.patches, runs)
        files = by_files(tools, source, work / "files", options.files, runs)
    opinion = second_opinion.table(source.parent, runs)
    sites = sum(path.read_bytes().count(b"torch.no_grad()") for path in source.rglob("*.py"))
    options.out.write_text(
        report(times, files, patches, tools, options.rounds, sites) + opinion, "utf-8"
    )
    print(options.out.read_text("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
