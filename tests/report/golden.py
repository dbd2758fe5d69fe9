"""Screens of every kind of verdict; ``python -m tests.report.golden`` writes them anew."""

from __future__ import annotations

from pathlib import Path

from patcher.report.reading import read_record
from patcher.report.verdict import text
from tests.report.samples import KINDS

FOLDER = Path(__file__).with_name("golden")
WIDTHS = (60, 80, 120)


def shown(kind: str, width: int) -> str:
    """The lines of one kind at one width."""
    lines = [line.text for line in text(read_record(KINDS[kind]), width)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.txt"):
        file.unlink()
    for kind in KINDS:
        for width in WIDTHS:
            (FOLDER / f"{kind}-{width}.txt").write_text(shown(kind, width), encoding="utf-8")
