"""From edits that say the same code to edits that give the same bytes.

Where the edits of statements do not give the lines as they were written by hand - a comment, a
blank line, a line broken elsewhere - `lines` edits say those.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from patcher.errors import PatcherError
from patcher.patchfile.model import Edit, EditKind
from patcher.rewrite.authoring.differ import statement_edits
from patcher.rewrite.authoring.write_spec import edit_lines
from patcher.rewrite.diff import unified_diff
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.kinds.lines import of, starts_of
from patcher.rewrite.matching.regions import File
from patcher.rewrite.source import Source

SMALL = 2
"""A spec is small when its edits are at most this many times as long as the unified diff."""
_NEAR = 3
_MERGED = 2


def text_edits(path: str, before: bytes, after: bytes) -> list[Edit] | None:
    """Edits that give ``after``, to the byte; None when only its bytes as a whole do.

    The first of these that is small, else the shortest: statements alone, statements and lines,
    lines alone.
    """
    result: list[tuple[int, list[Edit]]] = []
    limit = SMALL * len(unified_diff({path: before}, {path: after}))
    for edits in _candidates(path, before, after):
        if edits and _gives(path, before, after, edits):
            size = sum(len(line) + 1 for edit in edits for line in edit_lines(edit))
            if size <= limit:
                return edits
            result.append((size, edits))
    return min(result, key=lambda each: each[0])[1] if result else None


def _candidates(path: str, before: bytes, after: bytes) -> Iterator[list[Edit]]:
    try:
        ways = list(statement_edits(path, before, after)) if path.endswith(".py") else []
    except PatcherError as error:
        if error.code != "unsupported-source":
            raise
        ways = []
    yield from ways
    try:
        old, new = _Text(path, before), _Text(path, after)
    except PatcherError as error:
        if error.code != "unsupported-source":
            raise
        return  # not a text
    for edits in ways:
        yield _mixed(old, new, edits)
    yield [*_line_edits(old, hunks(old.lines, new.lines), new.lines), *_ending(old, new)]


def _gives(path: str, before: bytes, after: bytes, edits: Sequence[Edit]) -> bool:
    return rewrite_file(path, before, edits, {}).content == after


class _Text:
    """A text file with its lines."""

    def __init__(self, path: str, content: bytes) -> None:
        self.path, self.content = path, content
        self.source = Source(path, content)
        self.file = File(self.source)
        self.lines = list(of(self.source))

    def scopes(self, first: int, last: int) -> Iterator[str]:
        """Qualified names of the definitions around lines (from 0), the innermost first."""
        try:
            known = self.source.definitions if self.path.endswith(".py") else []
        except PatcherError:
            return
        for each in reversed(known):
            if each.first <= first + 1 and last <= each.last:
                yield each.name


@dataclass(frozen=True)
class LineChange:
    """Lines ``i`` to ``j`` of one text became ``k`` to ``l`` of another, from 0, ends excluded."""

    i: int
    j: int
    k: int
    l: int  # noqa: E741


def hunks(old: Sequence[str], new: Sequence[str]) -> list[LineChange]:
    """What differs between two texts, line by line."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [LineChange(*place) for tag, *place in matcher.get_opcodes() if tag != "equal"]


def _mixed(old: _Text, new: _Text, edits: Sequence[Edit]) -> list[Edit]:
    """Those edits that give lines as they were written, and `lines` edits for the rest."""
    rest = hunks(old.lines, new.lines)
    kept = []
    for edit in edits:
        result = rewrite_file(old.path, old.content, [edit], {}).content
        if result is None or result == old.content:
            continue
        lines = _Text(old.path, result).lines
        covered = _covered(hunks(old.lines, new.lines), hunks(old.lines, lines), new.lines, lines)
        if covered is not None and all(hunk in rest for hunk in covered):
            kept.append(edit)
            rest = [hunk for hunk in rest if hunk not in covered]
    return [*kept, *_line_edits(old, rest, new.lines), *_ending(old, new)]


def _covered(
    expected: Sequence[LineChange],
    made: Sequence[LineChange],
    new: Sequence[str],
    result: Sequence[str],
) -> list[LineChange] | None:
    """The wanted hunks that some made ones amount to; None when they make other lines."""
    collected: list[LineChange] = []
    for hunk in made:
        for margin in range(_NEAR + 1):
            low, high = _closed(hunk.i - margin, hunk.j + margin, [*expected, *made])
            if _part(expected, new, low, high) == _part(made, result, low, high):
                collected += [each for each in expected if low <= each.i and each.j <= high]
                break
        else:
            return None
    return list(dict.fromkeys(collected))


def _closed(low: int, high: int, every: Iterable[LineChange]) -> tuple[int, int]:
    """A range of lines widened until no hunk reaches over its ends."""
    while True:
        touching = [each for each in every if each.i <= high and low <= each.j]
        wider = (min([low, *(e.i for e in touching)]), max([high, *(e.j for e in touching)]))
        if wider == (low, high):
            return max(low, 0), high
        low, high = wider


def _part(every: Sequence[LineChange], lines: Sequence[str], low: int, high: int) -> list[str]:
    """What became of lines ``low`` to ``high``, which cut through no hunk."""
    shift = sum((e.l - e.k) - (e.j - e.i) for e in every if e.j < low or e.j <= low > e.i)
    inside = sum((e.l - e.k) - (e.j - e.i) for e in every if low <= e.i and e.j <= high)
    return list(lines[max(low + shift, 0) : high + shift + inside])


def _line_edits(old: _Text, every: Sequence[LineChange], new: Sequence[str]) -> Iterator[Edit]:
    """A `lines` edit for each hunk; those that nearly touch are said together."""
    merged: list[LineChange] = []
    for hunk in every:
        last = merged[-1] if merged else None
        if last and hunk.i - last.j <= _MERGED and hunk.i - last.j == hunk.k - last.l:
            merged[-1] = LineChange(last.i, hunk.j, last.k, hunk.l)
        else:
            merged.append(hunk)
    for hunk in merged:
        yield _line_edit(old, hunk, new)


def _line_edit(old: _Text, hunk: LineChange, new: Sequence[str]) -> Edit:
    """The edit with as few lines around the change as tell where it is."""
    above = below = 0
    while True:
        first, last = hunk.i - above, hunk.j + below
        lines = old.lines[first:last]
        if any(map(str.strip, lines)):
            for within in (*old.scopes(first, last), None):
                edit = Edit(
                    old.path, EditKind.LINES, within, _value(lines),
                    _value([*old.lines[first : hunk.i], *new[hunk.k : hunk.l],
                            *old.lines[hunk.j : last]]),
                )  # fmt: skip
                if len(starts_of(old.file, edit, old.lines, lines)) == 1:
                    return edit
        if first == 0 and last == len(old.lines):
            return Edit(old.path, EditKind.LINES, None, _value(lines), "")  # blank lines alone
        grow_above = first > 0 and (above <= below or last == len(old.lines))
        above, below = (above + 1, below) if grow_above else (above, below + 1)


def _value(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _ending(old: _Text, new: _Text) -> Iterator[Edit]:
    """How the last line ends, where that changed."""
    ends = [each.source.text.endswith(("\n", "\r")) for each in (old, new)]
    if new.source.text and ends[0] != ends[1]:
        value = "true" if ends[1] else "false"
        yield Edit(old.path, EditKind.FINAL_NEWLINE, pattern=value)
