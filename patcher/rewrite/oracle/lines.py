"""The second opinion on `lines` edits: lists of lines, put together anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patcher.patchfile.model import EditKind, EditStatus

if TYPE_CHECKING:
    from patcher.rewrite.outcome import EditOutcome


def check_lines(before: str, after: str, outcomes: Sequence[EditOutcome]) -> str:
    """Why a written text is not what the `lines` edits say of a source; empty when it is.

    Args:
        after: the source with those edits alone.
    """
    old, new = _plain(before).split("\n"), _plain(after).split("\n")
    todo = [
        (site.line - 1, outcome.edit.pattern or "", outcome.edit.replacement or "")
        for outcome in outcomes
        if outcome.edit.kind is EditKind.LINES and outcome.status is EditStatus.READY
        for site in outcome.sites
    ]
    # One line may be the neighbour that tells where two edits are: each line has its own entry.
    entries: list[list[str]] = [[line] for line in old]
    for line, pattern, replacement in todo:
        at, sought, replacing = line, _split(pattern), _split(replacement)
        if old[at : at + len(sought)] != sought:
            return f"line {at + 1} is not the one that `lines` names"
        while sought and replacing and sought[0] == replacing[0]:
            at, sought, replacing = at + 1, sought[1:], replacing[1:]
        while sought and replacing and sought[-1] == replacing[-1]:
            sought, replacing = sought[:-1], replacing[:-1]
        if sought:
            entries[at : at + len(sought)] = [replacing, *([] for _ in sought[1:])]
        elif at < len(entries):
            entries[at] = [*replacing, *entries[at]]
        else:
            entries.append(replacing)
    made = [line for entry in entries for line in entry]
    if _ended(made) == _ended(new):
        return ""
    return "the lines written are not those that the edits say"


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split(value: str) -> list[str]:
    return value.removesuffix("\n").split("\n") if value else []


def _ended(lines: list[str]) -> list[str]:
    """Lines without the empty one after the last newline: whether there is one stays as it was."""
    return lines[:-1] if lines and not lines[-1] else lines
