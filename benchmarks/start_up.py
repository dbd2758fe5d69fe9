"""Start-up by pairs: the commands that people wait for, in this checkout and at another commit.

    python -m benchmarks.start_up --before COMMIT [--pairs 12] [--write docs/benchmarks-engine.md]

``patcher --help`` and ``patcher list`` import little; a cold ``apply`` also imports LibCST,
rewrites, writes and commits. Both arms run in turns, the first one of a pair by turns; the median
of each arm and the ratio of the pairs come out, with its interval.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median

from benchmarks.catalogue.about import device_name
from docs.tables import write_table
from patcher.bench import statistics

ROOT = Path(__file__).parents[1]
CONFIDENCE = 0.95
SPEC = """\
patch: larger
summary: a larger constant
target: sample
equivalence: bitwise
edits:
  - file: sample/part.py
    match: value = 1
    with: value = 2
    expect: 20
"""
APPLY, REVERT = ("apply", "larger"), ("revert", "--all")
COMMANDS = {
    "`patcher --help`": ("--help",),
    "`patcher list`": ("list",),
    "cold `patcher apply`": APPLY,
    "warm `patcher apply`": APPLY,
    "`patcher status`": ("status",),
    "`patcher revert --all`": REVERT,
}
PREPARED = {
    "warm `patcher apply`": (APPLY, REVERT),
    "`patcher status`": (APPLY,),
    "`patcher revert --all`": (APPLY,),
}
"""What ran before, untimed."""


@dataclass
class Pairs:
    """Seconds of one command, pair by pair."""

    before_s: list[float] = field(default_factory=list)
    now_s: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        """The row of the table."""
        logs = statistics.log_ratios(self.now_s, self.before_s)
        ratio = statistics.interval(logs, CONFIDENCE)
        figures = [math.exp(each) for each in (ratio.estimate, ratio.low, ratio.high)]
        return (
            f"| {name} | {median(self.before_s):.3f} s | {median(self.now_s):.3f} s | "
            f"{figures[0]:.3f} ({figures[1]:.3f} to {figures[2]:.3f}) |"
        )


def checkout(commit: str, folder: Path) -> None:
    """The package as it was at a commit."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, "patcher", "patches"],
        capture_output=True,
        check=True,
    )
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def run(tree: Path, workspace: Path, words: Sequence[str]) -> float:
    """Seconds of one command of a checkout."""
    command = [sys.executable, "-m", "patcher", "-q", "-C", str(workspace), *words]
    began_s = time.perf_counter()
    subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(tree)},
        cwd=workspace,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began_s


def make_workspace(tree: Path, folder: Path) -> None:
    """A workspace with a small package, made by the checkout that will use it."""
    package = folder / "project" / "sample"
    package.mkdir(parents=True)
    (folder / "project" / "pyproject.toml").write_text(
        '[project]\nname = "sample"\nversion = "1"\n'
    )
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("value = 1\n" * 20)
    (folder / "patches").mkdir()
    (folder / "patches" / "larger.yaml").write_text(SPEC)
    run(tree, folder, ("init", str(folder / "project")))


def measure(before: Path, pairs: int, box: Path) -> dict[str, Pairs]:
    """All commands, ``pairs`` times in each arm; the first round is not counted."""
    trees = {"before": before, "now": ROOT}
    for arm, tree in trees.items():
        (box / arm).mkdir()
        make_workspace(tree, box / arm)
    result = {name: Pairs() for name in COMMANDS}
    for number in range(pairs + 1):
        for name, words in COMMANDS.items():
            for arm in sorted(trees, reverse=number % 2 == 0):
                place = box / "run"
                shutil.copytree(box / arm, place, symlinks=True)
                for earlier in PREPARED.get(name, ()):
                    run(trees[arm], place, earlier)
                seconds = run(trees[arm], place, words)
                shutil.rmtree(place)
                if number:
                    series = result[name].before_s if arm == "before" else result[name].now_s
                    series.append(seconds)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start_up", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--before", required=True, metavar="COMMIT")
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="into the page's table start-up")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="patcher-start-") as folder:
        checkout(options.before, Path(folder) / "tree")
        result = measure(Path(folder) / "tree", options.pairs, Path(folder))
    lines = [
        f"{date.today()}, {device_name('cpu')}, {options.pairs} pairs beside {options.before}:",
        "",
        "| command | before | now | now / before |",
        "|---|--:|--:|--:|",
        *(pairs.row(name) for name, pairs in result.items()),
    ]
    print("\n".join(lines))
    if options.write:
        write_table(options.write, "start-up", "\n".join(lines))


if __name__ == "__main__":
    main()
