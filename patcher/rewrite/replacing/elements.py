"""Elements of a list that has lines: they change places, or one comes first, with their comments.

A comment behind an element belongs to it, one on a line of its own to the element below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from patcher.rewrite.matching.spans import element_span
from patcher.rewrite.matching.unify import same
from patcher.rewrite.replacing.places import comments_above, element_lines
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.rewrite.matching.tree import ParsedLines
    from patcher.rewrite.matching.unify import Node
    from patcher.rewrite.source import Source

_BEHIND = re.compile(r"[ \t\f]*,?[ \t\f]*#")
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


def without(
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
    unused = [each for i, each in enumerate(lines) if i not in order]
    result: list[Splice] = []
    for place, at, template in zip(lines, order, change[1], strict=True):
        other = lines[at] if at is not None else unused.pop(0)
        new = other if at is not None else replace(other, text=fill(template, start))
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


def before_first(source: Source, start: int, text: str) -> Splice:
    """Write elements before one that starts at ``start``, above its comments."""
    line = source.line_start(start)
    if source.text[line:start].strip():
        return Splice(start, start, f"{text}, ")
    above, indent = comments_above(source, start), source.text[line:start]
    return Splice(above, above, f"{indent}{text},{source.newline}")
