"""``python -m benchmarks.freezing [DISTRIBUTION]``: what a large package costs to take in hand.

`init` and `status` by the command line, each a process; freezing both arms with what they share
read once, and each by itself, in turn (A B, B A), so that a busy disk meets both alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.shared.freeze_trees import Freezer, freeze, frozen_trees, new_tree
from patcher.store.workspace import Workspace

if TYPE_CHECKING:
    from patcher.store.working_copy import WorkingCopy

ROUNDS = 6


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command(folder: Path, *words: str) -> float:
    """Wall time of one command in a workspace."""
    line = [sys.executable, "-m", "patcher", "-C", str(folder), "-q", *words]
    return seconds(lambda: subprocess.run(line, check=True, stdout=subprocess.DEVNULL))


def together(copy: WorkingCopy, scratch: Path) -> None:
    """Both arms as `verify` freezes them."""
    frozen = Freezer(copy, scratch)
    frozen(pristine=True)
    frozen()


def apart(copy: WorkingCopy, scratch: Path) -> None:
    """Each arm read by itself."""
    freeze(copy, new_tree(scratch), pristine=True)
    freeze(copy, new_tree(scratch))


def main() -> None:
    """Print a Markdown table; the workspace is made in the temporary folder."""
    name = sys.argv[1] if len(sys.argv) > 1 else "transformers"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        init_s = command(place, "init", name)
        status_s = [command(place, "status") for _ in range(ROUNDS)]
        copy = Workspace(place).working_copy(name)
        ways: dict[Callable[[WorkingCopy, Path], None], list[float]] = {together: [], apart: []}
        with frozen_trees(copy) as scratch:
            for number in range(ROUNDS):
                order = [*ways] if number % 2 == 0 else [*ways][::-1]
                for way in order:
                    ways[way].append(seconds(partial(way, copy, scratch)))
        ratios = [a / b for a, b in zip(ways[together], ways[apart], strict=True)]
        print("| package | files | init, s | status, s | both arms frozen, s | beside apart |")
        print("|---|--:|--:|--:|--:|--:|")
        median = statistics.median
        print(
            f"| {name} {copy.version} | {len(copy.paths())} | {init_s:.1f} "
            f"| {median(status_s):.2f} | {median(ways[together]):.2f} | {median(ratios):.2f} |"
        )


if __name__ == "__main__":
    main()
