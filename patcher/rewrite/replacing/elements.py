"""Elements of a list that has lines: they change places, or one comes first, with their comments.

A comment behind an element belongs to it, one on a line of its own to the element below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from patcher.rewrite.matching.spans import element_span, is_element
from patcher.rewrite.matching.unify import same
from patcher.rewrite.replacing.comments import comments_above
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.rewrite.matching.parts import Node
    from patcher.rewrite.matching.tree import ParsedLines
    from patcher.rewrite.source import Source

_BEHIND = re.compile(r"[ \t\f]*,?[ \t\f]*#")
_GAP = r"(?:[ \t\f]|\\(?:\r\n|\r|\n))*"  # behind a decorator a line may go on
_ELEMENT_TAIL = re.compile(rf"{_GAP},?{_GAP}(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_COMMENT_LINE = r"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)"
_BELOW = re.compile(rf"(?:{_COMMENT_LINE})+[ \t\f]*,")
_COMMA_BELOW = re.compile(_BELOW.pattern + _COMMENT_LINE)
_COMMA = re.compile(r"((?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*[ \t\f]*),")


@dataclass(frozen=True)
class _Lines:
    """An element with lines of its own: what stands above it, its text, its comma, the rest."""

    start: int
    above: str
    text: str
    comma: str
    rest: str

    def put(self, comma: bool) -> str:
        """All of it, with or without a comma."""
        # A comment may stand before a comma on a line below.
        kept = self.comma.removesuffix(",") if "#" in self.comma else ""
        return self.above + self.text + ((self.comma or ",") if comma else kept) + self.rest

    def without_comments(self) -> _Lines:
        """The same place without what is said of the element there."""
        indent = self.above[len(self.above.rstrip(" \t\f")) :]
        newline = self.rest[len(self.rest.rstrip("\r\n")) :]
        return replace(self, above=indent, comma="," if self.comma else "", rest=newline)


def are_listed(nodes: Sequence[Node]) -> bool:
    """Whether nodes stand in a list of their kind: elements with commas, or decorators."""
    return all(is_element(each) or isinstance(each, cst.Decorator) for each in nodes)


def same_in_other_places(old: Sequence[Node], new: Sequence[Node]) -> bool:
    """Whether something of the one list stands at another place of the other list."""
    pairs = list(zip(old, new, strict=True))
    changed = [(each, other) for each, other in pairs if not same(each, other)]
    return any(same(one, other) for one, _ in changed for _, other in changed)


def common(old: Sequence[Node], new: Sequence[Node]) -> tuple[int, int]:
    """How many elements are equal at the start and at the end."""
    least, head, tail = min(len(old), len(new)), 0, 0
    while head < least and same(old[head], new[head]):
        head += 1
    while tail < least - head and same(old[-1 - tail], new[-1 - tail]):
        tail += 1
    return head, tail


def _places(old: Sequence[Node], new: Sequence[Node]) -> list[int | None]:
    """Of each new element where the old list has it."""
    result: list[int | None] = []
    for each in new:
        left = (i for i, other in enumerate(old) if i not in result and same(each, other))
        result.append(next(left, None))
    return result


def have_comments(source: Source, tree: ParsedLines, nodes: Sequence[Node]) -> bool:
    """Whether a comment belongs to one of some neighbours, or stands inside one."""
    start, end = element_span(tree, nodes[0])[0], element_span(tree, nodes[-1])[1]
    first = _lines(source, tree, nodes[0])
    above = first.above if first else ""
    behind = _BEHIND.match(source.text, end)
    return "#" in above + source.text[start:end] or behind is not None


def changed(
    source: Source, tree: ParsedLines, removed: Sequence[Node],
    kept: tuple[Sequence[Node], Sequence[Node]], text: str,
) -> list[Splice] | None:  # fmt: skip
    """Neighbours of a list are taken out, or others come in, or both.

    Args:
        kept: what stays of the list, before and after them.
        text: of what comes in.
    """
    before, after = kept
    if removed and text:
        first, last = element_span(tree, removed[0]), element_span(tree, removed[-1])
        return [Splice(first[0], last[1], text)]
    if removed:
        return _without(source, tree, removed, before, after)
    in_lines = isinstance((*before, *after)[0], cst.Decorator)
    if before:
        return [
            (_line_below if in_lines else _append)(source, element_span(tree, before[-1]), text)
        ]
    start = element_span(tree, after[0])[0]
    if in_lines:
        return [Splice(start, start, text + source.newline + source.indent(start))]
    return [before_first(source, start, text)]


def _without(
    source: Source, tree: ParsedLines, removed: Sequence[Node], before: Sequence[Node],
    after: Sequence[Node],
) -> list[Splice] | None:  # fmt: skip
    """Take neighbours out of a list, with their lines when they have some to themselves.

    Args:
        before, after: what stays of the list.
    """
    start, end = element_span(tree, removed[0])[0], element_span(tree, removed[-1])[1]
    own_lines = element_lines(source, start, end)
    if own_lines is not None:
        return [Splice(*own_lines, "")]
    kept = element_span(tree, before[-1])[1] if before else 0
    # A comment behind the one before stays with it: then the comma behind goes.
    if before and not (after and "#" in source.text[kept:start]):
        return [Splice(kept, end, "")]
    if after:
        return [Splice(start, element_span(tree, after[0])[0], "")]
    return None


def _append(source: Source, span: tuple[int, int], text: str) -> Splice:
    """Write elements behind one; the comment behind it stays with it."""
    start, end = span
    below = _COMMA_BELOW.match(source.text, end)
    if below is not None:
        new = f"{source.indent(start)}{text},{source.newline}"
        return Splice(below.end(), below.end(), new)
    follows = re.compile(r"([ \t]*,)?[ \t]*#[^\r\n]*(?:\r\n|\r|\n)").match(source.text, end)
    if follows is None:
        return Splice(end, end, f", {text}")
    comma, line = follows[1] or "", source.text[end : follows.end()]
    comment = line.removeprefix(comma)
    lines = "," + comment + source.indent(start) + text + ("," if comma else "") + comment[-1]
    if comment.endswith("\r\n"):
        lines = lines[:-1] + "\r\n"
    return Splice(end, follows.end(), lines)


def _line_below(source: Source, span: tuple[int, int], text: str) -> Splice:
    """Write decorators below one, and below the comment behind it."""
    at = source.line_end(span[1])
    while source.continues(source.position(at)[0] - 1):
        at = source.line_end(at)
    return Splice(at, at, source.indent(span[0]) + text + source.newline)


def in_other_order(
    source: Source, tree: ParsedLines, nodes: Sequence[Node],
    change: tuple[Sequence[Node], Sequence[Node]], fill: Callable[[Node, int], str],
) -> list[Splice] | None:  # fmt: skip
    """Splices that give elements another order, each with its lines.

    Args:
        change: the pattern's elements, one for each node, and as many of the replacement.
        fill: the text of an element of the replacement for a place.

    Returns:
        None when an element shares a line with something else.
    """
    first = isinstance(nodes[0], cst.Decorator)  # what stands above belongs to the definition
    spans = [_lines(source, tree, each, above=bool(i) or not first) for i, each in enumerate(nodes)]
    lines = [each for each in spans if each is not None]
    if len(lines) < len(nodes):
        return None
    start, order = element_span(tree, nodes[0])[0], _places(*change)
    result: list[Splice] = []
    for i, (place, at, template) in enumerate(zip(lines, order, change[1], strict=True)):
        if at is not None:
            new = lines[at]
        else:  # what is new is not what the comments of another one are about
            bare = place.without_comments() if i in order else place
            new = replace(bare, text=fill(template, start))
        old_text, text = place.put(bool(place.comma)), new.put(bool(place.comma))
        if text != old_text:
            result.append(Splice(place.start, place.start + len(old_text), text))
    return result


def _lines(source: Source, tree: ParsedLines, node: Node, above: bool = True) -> _Lines | None:
    start, end = element_span(tree, node)
    lines = element_lines(source, start, end)
    if lines is None:
        return None
    text = source.text
    comma = _COMMA.match(text, end)
    after = comma.end() if comma else end
    top = comments_above(source, start) if above else lines[0]
    return _Lines(
        top, text[top:start], text[start:end], comma[0] if comma else "", text[after : lines[1]]
    )


def element_lines(source: Source, start: int, end: int) -> tuple[int, int] | None:
    """The lines that elements have to themselves, to the comma and the comment behind the last."""
    line = source.line_start(start)
    ending = _COMMA_BELOW if _BELOW.match(source.text, end) else _ELEMENT_TAIL
    tail = ending.match(source.text, end)
    if tail is None or source.text[line:start].strip():
        return None
    return line, tail.end()


def before_first(source: Source, start: int, text: str) -> Splice:
    """Write elements before one that starts at ``start``, above its comments."""
    line = source.line_start(start)
    if source.text[line:start].strip():
        return Splice(start, start, f"{text}, ")
    above, indent = comments_above(source, start), source.text[line:start]
    return Splice(above, above, f"{indent}{text},{source.newline}")
