"""Screens of every kind of verdict; ``python -m tests.report.golden`` writes them anew."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from patcher.execution.results import Arm, Case, CaseResult, Measure, Outcome
from patcher.report.live import Progress
from patcher.report.reading import read_record
from patcher.report.verdict import text
from tests.report.kinds import KINDS

FOLDER = Path(__file__).with_name("golden")
WIDTHS = (60, 80, 120)


def shown(kind: str, width: int) -> str:
    """The lines of one kind at one width."""
    lines = [line.text for line in text(read_record(KINDS[kind]), width)]
    return "\n".join(lines) + "\n"


def interrupted(kind: str, width: int) -> str:
    """What stays on a terminal when a verification of two cases is interrupted."""
    cases = (Case("Base Chatterbox", "Built-in voice"), Case("Base Chatterbox", "Cloned voice A"))
    progress = Progress(quiet=True)
    progress.planned(cases, "")
    arms = [*Arm] if kind == "interrupted-bench" else [Arm.BASELINE]
    for arm in arms:
        for case in cases:
            progress.finished(CaseResult(case, arm, Outcome.OK, measure=Measure(1.0)), "run")
    if kind == "interrupted-bench":
        progress.message(
            "pair 3 of at most 6, patched timed; so far about 1.50 times as fast (3 pairs, no "
            "verdict); at most 1 min 40 s left"
        )
    else:
        progress.began(Arm.PATCHED, cases[0], "run")
    with patch("sys.argv", ["patcher", "verify", "--models", "Base Chatterbox", "--bench"]):
        lines = progress.interrupted(width, live=True)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.txt"):
        file.unlink()
    for kind in KINDS:
        for width in WIDTHS:
            (FOLDER / f"{kind}-{width}.txt").write_text(shown(kind, width), encoding="utf-8")
    for kind in ("interrupted", "interrupted-bench"):
        for width in WIDTHS:
            text = interrupted(kind, width)
            (FOLDER / f"{kind}-{width}.txt").write_text(text, encoding="utf-8")
