"""Making rich print data as data: every value goes in as `Text`, so that ``[red]`` stays text."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from typing import TextIO

PIPE_WIDTH = 120


@dataclass(frozen=True)
class Line:
    """One line as it is printed; ``style`` is rich's."""

    text: str = ""
    style: str = ""


STYLES = {
    "pass": "green",
    "ok": "green",
    "ready": "green",
    "applied": "green",
    "faster": "green",
    "fail": "red",
    "missing": "red",
    "ambiguous": "red",
    "conflict": "red",
    "drifted": "red",
    "slower": "red",
    "blocked": "yellow",
    "incompatible": "yellow",
    "cannot-judge": "yellow",
    "undecided": "yellow",
    "not-applicable": "dim",
    "already": "dim",
}


def console(*, color: bool | None = None, stream: TextIO | None = None) -> Console:
    """A console that reads no markup and guesses no highlights.

    Args:
        color: False for plain output; None lets the terminal and ``NO_COLOR`` decide.
        stream: where to print; stdout by default.
    """
    out = stream or sys.stdout
    width, height = _size(out)
    return Console(
        file=out,
        width=width,
        height=height,
        color_system=None if color is False else "auto",  # none: no bold and no dim either
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


def _size(out: TextIO) -> tuple[int | None, int | None]:
    """Columns and lines to print in; None where rich finds them out."""
    if "COLUMNS" in os.environ:
        return None, None
    if not out.isatty():
        return PIPE_WIDTH, None  # a pipe or a file has no width: tables get room
    if os.environ.get("TERM", "").lower() not in ("dumb", "unknown"):
        return None, None
    size = shutil.get_terminal_size()  # rich takes 80 by 25 for all of these
    return size.columns, size.lines


def cell(value: object) -> Text:
    """One value as text; a word of the closed sets gets its colour."""
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, float):
        return Text(f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}")
    text = str(value)
    return Text(text, style=STYLES.get(text, ""))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Table:
    """A plain table; columns of numbers stand right."""
    listed = [list(row) for row in rows]
    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for index, heading in enumerate(headings):
        numeric = bool(listed) and all(
            row[index] is None or isinstance(row[index], (int, float)) for row in listed
        )
        made.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        made.add_row(*(cell(value) for value in row))
    return made


def print_lines(out: Console, lines: Iterable[Line]) -> None:
    """Print lines that are wrapped already; what is too long is a path, and stays whole."""
    for line in lines:
        out.print(line.text, style=line.style, soft_wrap=True)
