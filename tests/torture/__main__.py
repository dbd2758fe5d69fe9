"""``python -m tests.torture``: run the table, resume it, print it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

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
    parser.add_argument("--state", type=Path, default=REPOSITORY / "build" / "torture.json")
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
    state = _load(options.state, options.restart)
    end = time.monotonic() + options.hours * 3600
    try:
        for row in rows:
            shutil.rmtree(box, ignore_errors=True)
            box.mkdir()
            _run(row, Rounds(box), state, options.state, end)
        if not options.only:
            shutil.rmtree(box, ignore_errors=True)
            box.mkdir()
            _rivals(rivals, state, options.state, end)
    finally:
        shutil.rmtree(box, ignore_errors=True)
    text = table(rounds.rows(), rivals.all(), state)
    print(text)
    if options.out:
        options.out.write_text(text)
    held = state["rows"]
    return int(any(row.name in held and not _shown(row, held[row.name]) for row in rows))


def _code() -> str:
    """A hash of what is tested and of the test: results of other code do not count."""
    found = sha256()
    for folder in ("patcher/store", "tests/torture"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def _commit() -> str:
    """The commit that is checked out."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.stdout.strip()


def _load(path: Path, restart: bool) -> dict[str, Any]:
    fresh: dict[str, Any] = {"code": _code(), "commit": _commit(), "rows": {}, "rivals": {}}
    if restart or not path.exists():
        return fresh
    state: dict[str, Any] = json.loads(path.read_text())
    return state if state["code"] == fresh["code"] else fresh


def _save(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(state, indent=1))
    beside.replace(path)


def _run(row: Row, rounds: Rounds, state: dict[str, Any], path: Path, end: float) -> None:
    """Do what is left of a row, as far as the time goes."""
    if row.needs:
        print(f"{row.name}: {row.needs} is not there; left out", file=sys.stderr)
        return
    # The row belongs to another box: take the one of the same name that knows this box.
    row = next(each for each in rounds.rows() if each.name == row.name)
    held = state["rows"].setdefault(row.name, {"done": 0, "units": None, "tally": {}, "s": 0.0})
    if held["units"] is not None and held["done"] >= held["units"]:
        return
    units = row.units()
    held["units"] = len(units)
    tally = Tally(**held["tally"])
    for unit in units[held["done"] :]:
        if time.monotonic() > end:
            break
        started = time.monotonic()
        tally.add(unit())
        held.update(done=held["done"] + 1, tally=tally.as_json())
        held["s"] += time.monotonic() - started
        _save(path, state)
    print(f"{row.name}: {held['done']} of {held['units']} units, {tally}", file=sys.stderr)


def _rivals(rivals: Rivals, state: dict[str, Any], path: Path, end: float) -> None:
    if not strace.available():
        return
    for rival in rivals.all():
        if rival.name in state["rivals"] or rival.command is None or time.monotonic() > end:
            continue
        tally, still = rivals.kill(rival)
        state["rivals"][rival.name] = {"tried": tally.tried, "torn": tally.torn, "still": still}
        _save(path, state)


def _shown(row: Row, held: dict[str, Any]) -> bool:
    tally = Tally(**held["tally"])
    enough = held["done"] == held["units"] and tally.tried >= row.least
    return enough and tally.clean != row.bites


def table(rows: list[Row], rivals: list[Rival], state: dict[str, Any]) -> str:
    """The table as Markdown."""
    lines = [
        "# Torture: the last run",
        "",
        f"`python -m tests.torture`, {time.strftime('%Y-%m-%d')}, commit {state['commit']}, "
        f"code {state['code']}; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}.",
        "",
        "| row | what | tried | wanted | torn | bytes lost | foreign commands | left running "
        "| tracebacks | |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    seconds = 0.0
    for row in rows:
        held = state["rows"].get(row.name)
        if held is None or held["units"] is None:
            lines.append(f"| {row.name} | {row.what} | | {row.least:,} | | | | | | not run |")
            continue
        tally = Tally(**held["tally"])
        seconds += held["s"]
        word = "reached" if _shown(row, held) else "NOT reached"
        if held["done"] < held["units"]:
            word = f"{held['done']} of {held['units']} units"
        elif row.bites and _shown(row, held):
            word = "control: bites"
        lines.append(
            f"| {row.name} | {row.what} | {tally.tried:,} | {row.least:,} | {tally.torn:,} | "
            f"{tally.lost:,} | {tally.ran:,} | {tally.left:,} | {tally.tracebacks:,} | {word} |"
        )
    lines += ["", f"{seconds:,.0f} s in all.", ""]
    examples = [
        f"- {row.name}: {example}"
        for row in rows
        if not row.bites and row.name in state["rows"]
        for example in state["rows"][row.name]["tally"].get("examples", [])
    ]
    lines += ["Faults found:", "", *examples, ""] if examples else []
    if state["rivals"]:
        lines += [
            "Other ways to change three files, killed at each of their own state-changing calls:",
            "",
            "| tool | kills | torn trees | still torn after running it again |",
            "|---|--:|--:|--:|",
        ]
        for rival in rivals:
            if (one := state["rivals"].get(rival.name)) is not None:
                lines.append(f"| {rival.name} | {one['tried']} | {one['torn']} | {one['still']} |")
            elif rival.command is None:
                lines.append(f"| {rival.name} | not installed | | |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
