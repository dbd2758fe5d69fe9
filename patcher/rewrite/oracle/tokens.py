"""What of a text must still be there: tokens outside the edited spans, and comments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.rewrite.oracle.sites import Lines, Place, Span

_TOKEN = re.compile(
    r"""
    (?:[rRbBuUfFtT]{1,2})?(?:
        \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3}
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
  | \#[^\r\n]*
  | \w+
  | [^\w\s;\\]
    """,
    re.VERBOSE | re.DOTALL,
)


_LINE_ENDS = re.compile(r"[ \t\f;\\]*(?:[\r\n]|\Z)")


@dataclass(frozen=True)
class Comment:
    """One comment: its text and the line it is on (from 1)."""

    text: str
    line: int


def tokens(text: str) -> list[str]:
    """Tokens and comments; white space, semicolons and backslashes left out."""
    return _TOKEN.findall(text)


def comments(text: str, line: int) -> list[Comment]:
    """The comments of a text that starts on a line."""
    if "#" not in text:
        return []
    result = []
    at = 0
    for each in _TOKEN.finditer(text):
        if text[each.start()] == "#":
            line += len(re.findall(r"\r\n|\r|\n", text[at : each.start()]))
            at = each.start()
            result.append(Comment(each[0].rstrip(), line))
    return result


def outside(lines: Lines, window: Span, spans: Iterable[Span]) -> list[str]:
    """The texts of a window between spans."""
    result = []
    at: Place = window[0]
    for start, end in sorted(spans):
        if start > at:
            result.append(lines.text(at, start))
        at = max(at, end)
    return [*result, lines.text(at, window[1])]


def between(texts: Iterable[str], result: str) -> list[str] | None:
    """What of a result lies between some texts; None when one is not there as it is, in order."""
    collected = []
    at = 0
    for text in texts:
        for piece in text.split("\n", 1):
            core = piece.strip(" \t\r\n\f;\\")
            if core:
                start = _find(core, result, at)
                if start < 0:
                    return None
                collected.append(result[at:start])
                at = start + len(core)
    return [*collected, result[at:]]


def _find(core: str, result: str, at: int) -> int:
    """Where a text starts; one that ends in a comment is not part of a longer comment."""
    start = first = result.find(core, at)
    if "#" in core.rpartition("\n")[2]:
        while start >= 0 and not _LINE_ENDS.match(result, start + len(core)):
            start = result.find(core, start + 1)
    return first if start < 0 else start


def missing_token(expected: Sequence[str], present: Sequence[str]) -> str | None:
    """The first token that is not there in order; comments are counted, not ordered."""
    rest = iter(each for each in present if not each.startswith("#"))
    for each in expected:
        if each.startswith("#"):
            continue
        if each not in rest:
            return each
    return None


def lost(before: Iterable[Comment], after: Iterable[Comment]) -> list[Comment]:
    """Comments of the one text that the other does not have as often, in order."""
    have = Counter(each.text for each in after)
    missing = []
    for each in before:
        if have[each.text]:
            have[each.text] -= 1
        else:
            missing.append(each)
    return missing
