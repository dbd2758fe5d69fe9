"""``python -m tests.torture``: run the table, resume it, print it."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.torture import strace
from tests.torture.rivals import PYTHON_TOOLS, Rival, Rivals
from tests.torture.scene import scratch
from tests.torture.table import REPOSITORY, Rounds, Row
from tests.torture.tally import Tally


def main() -> int:
    """Exit status: 0 when every row that ran to its end shows what it must, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--hours", type=float, default=12.0, help="stop after this long")
    parser.add_argument("--only", action="append", metavar="ROW", help="run these rows only")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--restart", action="store_true", help="forget what was done")
    parser.add_argument("--jobs", type=int, default=1, help="rows that run at the same time")
    parser.add_argument("--state", type=Path, default=REPOSITORY / "build" / "torture")
    parser.add_argument("--out", type=Path, help="write the table to this file too")
    parser.add_argument(
        "--tools",
        type=Path,
        metavar="BIN",
        help="the folder of commands of an environment that has the rivals from PyPI in it "
        f"({', '.join(PYTHON_TOOLS)}); otherwise the running interpreter's. Rivals that are not "
        "there are left out, and the table says so",
    )
    options = parser.parse_args()
    box = scratch() / f"patcher-torture-{os.getpid()}"
    rounds = Rounds(box)
    rivals = Rivals(box, options.tools)
    rows = [row for row in rounds.rows() if not options.only or row.name in options.only]
    if options.list:
        print("\n".join(f"{row.name:<24} {row.what}" for row in rows))
        return 0
    kept = Kept(options.state)
    commit = kept.begin(restart=options.restart)
    end = time.monotonic() + options.hours * 3600
    box.mkdir()
    try:
        _run_rows([row.name for row in rows], box, kept, end, options.jobs)
        if not options.only:
            _run_rivals(rivals, kept, end)
    finally:
        shutil.rmtree(box, ignore_errors=True)
    text = table(rounds.rows(), rivals.all(), kept, commit)
    print(text)
    if options.out:
        options.out.write_text(text)
    results = [(row, kept.row(row.name)) for row in rows]
    return int(any(result.begun and not result.shows(row) for row, result in results))


@dataclass
class RowResult:
    """How far a row came.

    Attributes:
        units: how many it has; None until it began.
        seconds: they took, as the clock says.
    """

    done: int = 0
    units: int | None = None
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0

    @classmethod
    def from_json(cls, data: bytes) -> RowResult:
        values = json.loads(data)
        return cls(**{**values, "tally": Tally(**values["tally"])})

    @property
    def begun(self) -> bool:
        return self.units is not None

    @property
    def finished(self) -> bool:
        return self.units is not None and self.done >= self.units

    def shows(self, row: Row) -> bool:
        """Whether it ran to its end, often enough, with the result that it must have."""
        return self.finished and self.tally.tried >= row.least and self.tally.clean != row.bites


@dataclass(frozen=True)
class RivalResult:
    """Kills of another tool; trees that were torn, and still are after running it again."""

    tried: int
    torn: int
    still: int


@dataclass(frozen=True)
class Kept:
    """The results of a run, a file each below a folder, so that it can be resumed."""

    folder: Path

    def begin(self, *, restart: bool) -> str:
        """Forget the results of other code; the commit that the run began with."""
        about = self.folder / "about.json"
        if restart or not about.exists() or json.loads(about.read_bytes())["code"] != _code():
            shutil.rmtree(self.folder, ignore_errors=True)
            self._write("about", {"code": _code(), "commit": _commit()})
        return str(json.loads(about.read_bytes())["commit"])

    def row(self, name: str) -> RowResult:
        path = self.folder / f"row-{name}.json"
        return RowResult.from_json(path.read_bytes()) if path.exists() else RowResult()

    def keep_row(self, name: str, result: RowResult) -> None:
        self._write(f"row-{name}", asdict(result))

    def rival(self, name: str) -> RivalResult | None:
        path = self.folder / f"rival-{sha256(name.encode()).hexdigest()[:12]}.json"
        return RivalResult(**json.loads(path.read_bytes())) if path.exists() else None

    def keep_rival(self, name: str, result: RivalResult) -> None:
        self._write(f"rival-{sha256(name.encode()).hexdigest()[:12]}", asdict(result))

    def _write(self, name: str, values: dict[str, object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f"{name}.new"
        beside.write_text(json.dumps(values, indent=1))
        beside.replace(self.folder / f"{name}.json")


def _code() -> str:
    """A hash of what is tested and of the test: results of other code do not count."""
    code = sha256()
    for folder in ("patcher/store", "tests/torture"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            code.update(path.read_bytes())
    return code.hexdigest()[:12]


def _commit() -> str:
    """The commit that is checked out."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.stdout.strip()


def _run_rows(names: list[str], box: Path, kept: Kept, end: float, jobs: int) -> None:
    """Run rows, ``jobs`` at the same time, each on scratch space of its own."""
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=forked) as pool:
        for done in [pool.submit(_run, name, box / name, kept, end) for name in names]:
            done.result()


def _run(name: str, box: Path, kept: Kept, end: float) -> None:
    """Do what is left of a row, as far as the time goes."""
    row = next(each for each in Rounds(box).rows() if each.name == name)
    if row.needs:
        print(f"{name}: {row.needs} is not there; left out", file=sys.stderr)
        return
    result = kept.row(name)
    if result.finished:
        return
    box.mkdir()
    units = row.units()
    result.units = len(units)
    for unit in units[result.done :]:
        if time.monotonic() > end:
            break
        started = time.monotonic()
        result.tally.add(unit())
        result.done += 1
        result.seconds += time.monotonic() - started
        kept.keep_row(name, result)
    shutil.rmtree(box, ignore_errors=True)
    print(f"{name}: {result.done} of {result.units} units, {result.tally}", file=sys.stderr)


def _run_rivals(rivals: Rivals, kept: Kept, end: float) -> None:
    if not strace.available():
        return
    for rival in rivals.all():
        if kept.rival(rival.name) or rival.command is None or time.monotonic() > end:
            continue
        tally, still = rivals.kill(rival)
        kept.keep_rival(rival.name, RivalResult(tally.tried, tally.torn, still))


def table(rows: list[Row], rivals: list[Rival], kept: Kept, commit: str) -> str:
    """The table as Markdown."""
    lines = [
        "# Torture: the last run",
        "",
        f"`python -m tests.torture`, {time.strftime('%Y-%m-%d')}, commit {commit}, "
        f"code {_code()}; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}.",
        "",
        "| row | what | tried | least | torn | bytes lost | foreign commands | left running "
        "| tracebacks | |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    results = {row.name: kept.row(row.name) for row in rows}
    lines += [_line(row, results[row.name]) for row in rows]
    seconds = sum(result.seconds for result in results.values())
    lines += ["", f"{seconds:,.0f} s in all.", ""]
    examples = [
        f"- {row.name}: {example}"
        for row in rows
        if not row.bites
        for example in results[row.name].tally.examples
    ]
    lines += ["Faults found:", "", *examples, ""] if examples else []
    return "\n".join([*lines, *_rival_lines(rivals, kept)])


def _line(row: Row, result: RowResult) -> str:
    if not result.begun:
        return f"| {row.name} | {row.what} | | {row.least:,} | | | | | | not run |"
    tally = result.tally
    if not result.finished:
        word = f"{result.done} of {result.units} units"
    elif row.bites and result.shows(row):
        word = "control: bites"
    else:
        word = "reached" if result.shows(row) else "NOT reached"
    return (
        f"| {row.name} | {row.what} | {tally.tried:,} | {row.least:,} | {tally.torn:,} | "
        f"{tally.lost:,} | {tally.ran:,} | {tally.left:,} | {tally.tracebacks:,} | {word} |"
    )


def _rival_lines(rivals: list[Rival], kept: Kept) -> list[str]:
    results = [(rival, kept.rival(rival.name)) for rival in rivals]
    if not any(result for _, result in results):
        return []
    lines = [
        "Other ways to change three files, killed at each of their own state-changing calls:",
        "",
        "| tool | kills | torn trees | still torn after running it again |",
        "|---|--:|--:|--:|",
    ]
    for rival, result in results:
        if result is not None:
            lines.append(f"| {rival.name} | {result.tried} | {result.torn} | {result.still} |")
        elif rival.command is None:
            lines.append(f"| {rival.name} | not installed | | |")
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main())
