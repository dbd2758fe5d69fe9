"""A unified diff as lines that know their numbers, and whether they ran."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from patcher.report.record import Ran

HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)$")


@dataclass(frozen=True)
class DiffLine:
    """One line of a hunk.

    Attributes:
        kind: ``added``, ``removed`` or ``same``.
        before, after: line numbers on pristine and patched; None where it is in one only.
        ran: for an added line, in how many cases it ran; None where nobody knows.
    """

    kind: str
    text: str
    before: int | None
    after: int | None
    ran: int | None = None


@dataclass(frozen=True)
class DiffHunk:
    """One hunk; ``heading`` is what the diff says after its numbers."""

    heading: str
    lines: tuple[DiffLine, ...]

    def holds(self, line: int) -> bool:
        """Whether a line of pristine is in it."""
        return any(each.before == line for each in self.lines)


@dataclass(frozen=True)
class FileDiff:
    """The hunks of one file."""

    file: str
    hunks: tuple[DiffHunk, ...]


def parse(diff: str, exercised: Sequence[Ran] | None = None) -> tuple[FileDiff, ...]:
    """The files of a unified diff, their added lines marked with what ran.

    Args:
        exercised: lines of edits, and in how many cases they ran; of others nobody knows.
    """
    ran = {(each.file, each.line): each.cases for each in exercised or ()}
    result: list[FileDiff] = []
    name, hunks = "", list[DiffHunk]()
    for line in [*diff.splitlines(), "--- "]:
        if line.startswith("--- "):
            if hunks:
                result.append(FileDiff(name, tuple(hunks)))
            name, hunks = _name(line), []
        elif line.startswith("+++ ") and not hunks:
            name = _name(line) or name
        elif match := HUNK.match(line):
            hunks.append(DiffHunk(match[3], ()))
            numbers = [int(match[1]), int(match[2])]
        elif hunks and line[:1] in ("+", "-", " "):
            made = _line(line, numbers, name, ran if exercised is not None else None)
            hunks[-1] = DiffHunk(hunks[-1].heading, (*hunks[-1].lines, made))
    return tuple(result)


def _name(line: str) -> str:
    name = line[4:].split("\t", maxsplit=1)[0].strip()
    return "" if name == "/dev/null" else re.sub(r"^[ab]/", "", name)


def _line(
    line: str, numbers: list[int], file: str, ran: dict[tuple[str, int], int] | None
) -> DiffLine:
    kind = {"+": "added", "-": "removed", " ": "same"}[line[0]]
    before = numbers[0] if kind != "added" else None
    after = numbers[1] if kind != "removed" else None
    numbers[0] += kind != "added"
    numbers[1] += kind != "removed"
    count = None
    if kind == "added" and ran is not None and after is not None and line[1:].strip():
        count = ran.get((file, after))
    return DiffLine(kind, line[1:], before, after, count)


def hunk_of(diff: Sequence[FileDiff], file: str, line: int) -> DiffHunk | None:
    """The hunk that holds a line of pristine."""
    return next(
        (hunk for each in diff if each.file == file for hunk in each.hunks if hunk.holds(line)),
        None,
    )


def numbers(diff: Sequence[FileDiff]) -> Iterator[DiffLine]:
    """Every added line."""
    return (
        line for each in diff for hunk in each.hunks for line in hunk.lines if line.kind == "added"
    )
