"""Splices: the only way text changes. Spans of the original text, applied bottom to top."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, order=True)
class Splice:
    """``text`` takes the place of the original's ``start`` to ``end``; an insertion when equal."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, order=True)
class Removal(Splice):
    """Statements that are taken out of a block that may not be left empty.

    Attributes:
        block: offsets of the block's first and last character.
        size: how many statements the block has; ``count`` of them go.
        lone: what is written where all of them go.
    """

    block: tuple[int, int] = (0, 0)
    size: int = 0
    count: int = 0
    lone: Splice = Splice(0, 0, "")


def with_pass(splices: Iterable[Splice]) -> list[Splice]:
    """The same splices, with `pass` in blocks that they would leave without a statement."""
    result = list(dict.fromkeys(splices))
    for block in {each.block for each in result if isinstance(each, Removal)}:
        removed = [e for e in result if isinstance(e, Removal) and e.block == block]
        beside = any(
            block[0] <= each.start <= block[1] and each.text.strip()
            for each in result
            if each not in removed
        )
        if sum(each.count for each in removed) == removed[0].size and not beside:
            first = min(removed)
            result[result.index(first)] = first.lone
    return result


class OverlapError(Exception):
    """Two splices want the same characters."""

    def __init__(self, first: Splice, second: Splice) -> None:
        super().__init__("two edits overlap")
        self.first, self.second = first, second


def overlap(first: Splice, second: Splice) -> bool:
    """Whether two splices touch the same characters; insertions at one place do not."""
    if first.start == first.end or second.start == second.end:
        point, other = (first, second) if first.start == first.end else (second, first)
        return other.start < point.start < other.end
    return first.start < second.end and second.start < first.end


def apply(text: str, splices: Iterable[Splice]) -> str:
    """The edited text. Insertions at one place keep the order given.

    A blank is written where a splice would make one word of two, as in `return(a)` with `b` in the
    place of `(a)`.

    Raises:
        OverlapError: the spans overlap.
    """
    ordered = sorted(splices, key=lambda splice: (splice.start, splice.end))  # stable
    for before, after in itertools.pairwise(ordered):
        if overlap(before, after):
            raise OverlapError(before, after)
    pieces: list[str] = []
    last, end = "", 0
    for splice in ordered:
        if splice.start == splice.end and not splice.text:
            continue
        for piece in (text[end : splice.start], splice.text):
            if piece:
                pieces.append(" " + piece if in_word(last) and in_word(piece[0]) else piece)
                last = piece[-1]
        end = splice.end
    rest = text[end:]
    glued = bool(rest) and in_word(last) and in_word(rest[0])
    return "".join([*pieces, " " if glued else "", rest])


def in_word(character: str) -> bool:
    """Whether a character can be part of a name, a keyword or a number."""
    return character.isalnum() or character == "_" or character > "\x7f"
