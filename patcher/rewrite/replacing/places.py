"""Where in a source's lines replacements go: beside elements, with whole lines, or not at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import libcst as cst

from patcher.rewrite.matching.innermost import starts_line
from patcher.rewrite.matching.parts import Node, children
from patcher.rewrite.matching.spans import element_span
from patcher.rewrite.replacing.comments import COMMENT_BEHIND, WHOLE_LINE_TAIL, block_end
from patcher.rewrite.splice import Removal, Splice, overlap, with_pass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.search import MatchedSite
    from patcher.rewrite.source import Source

_GAP = r"(?:[ \t]|\\(?:\r\n|\r|\n))*"
_FOLLOWING = re.compile(rf"{_GAP};{_GAP}(?=[^\s#\\])")
_PRECEDING = re.compile(rf"{_GAP};{_GAP}\Z")


class CannotReplaceError(Exception):
    """The replacement is not valid where the site is; ``hint`` says what would be."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint or "match the whole line or block that holds the site"


def why_not(sites: Sequence[MatchedSite], template: Pattern, error: str) -> CannotReplaceError:
    """Why a replacement cannot be Python, as far as it can be told.

    Args:
        error: what Python says of it.
    """
    for result in sites:
        for hole in template.holes:
            last = result.match.bound.get(hole.name, ())[-1:] if hole.many else ()
            follows = template.text[hole.end :].lstrip().startswith(",")
            if follows and last and getattr(last[0], "star", "") == "**":
                name = result.tree.module.code_for_node(last[0].with_changes(comma=None)).strip()
                return CannotReplaceError(
                    f"`{hole}` ends in `{name}`, which nothing of the kind can follow",
                    f"write what is new before it: `..., {hole})`, or name it: `{hole}, **$NAME`",
                )
    message = f"the result is not Python ({error})" if error else "the result is not Python"
    return CannotReplaceError(message)


def takes_comment(source: Source, site: MatchedSite, template: Pattern, node: Node) -> bool:
    """Whether a hole of the replacement takes a comment in a node's own parentheses along."""
    bound = [site.match.bound.get(hole.name, ()) for hole in template.holes]
    if not any(node is each for nodes in bound for each in nodes):
        return False
    (low, high), (start, end) = site.tree.outer(node), site.tree.inner(node)
    return "#" in source.text[low:start] + source.text[end:high]


def removal(source: Source, start: int, end: int) -> Splice:
    """Some statements taken out, with their line when they have it to themselves."""
    line = source.line_start(start)
    tail = WHOLE_LINE_TAIL.match(source.text, end)
    if starts_line(source, start) and tail:
        return Splice(line, tail.end(), "")
    following = _FOLLOWING.match(source.text, end)
    if following:
        return Splice(start, following.end(), "")
    while line and source.continues(source.position(line)[0] - 1):
        line = source.line_start(line - 1)
    before = _PRECEDING.search(source.text[line:start])
    if before is None:  # all there is behind a colon
        return Splice(start, end, "pass")
    return Splice(line + before.start(), end, "")


def deletion(source: Source, site: MatchedSite, nodes: list[Node]) -> Removal:
    """Some statements of a site taken out, with the comments that end the last one's block."""
    start, end = element_span(site.tree, nodes[0])[0], element_span(site.tree, nodes[-1])[1]
    span = start, block_end(source, end, source.block_indent(start))
    block, taken = site.block, removal(source, *span)
    place, size = (0, 0), 0  # of a block that may be left empty
    if block is not None and not block.may_empty and nodes[0] in block.statements:
        places = [element_span(site.tree, each) for each in block.statements]
        place, size = (places[0][0], places[-1][1]), len(places)
    behind = COMMENT_BEHIND.match(source.text, span[1])
    lone = Splice(span[0], behind.end() if behind else span[1], "pass")
    return Removal(taken.start, taken.end, taken.text, place, size, len(nodes), lone)


def joined(source: Source, splices: Iterable[Splice]) -> list[Splice]:
    """The same splices; neighbours on one line are taken out as one, and no block is left empty."""
    result: list[Splice] = []
    for splice in dict.fromkeys(splices):
        last = result[-1] if result else None
        if isinstance(last, Removal) and isinstance(splice, Removal) and overlap(last, splice):
            span = last.lone.start, splice.lone.end
            taken, count = removal(source, *span), last.count + splice.count
            place, lone = (taken.start, taken.end, taken.text), Splice(*span, "pass")
            result[-1] = Removal(*place, last.block, last.size, count, lone)
        else:
            result.append(splice)
    return with_pass(result)


def need_own_lines(source: Source, start: int, end: int) -> None:
    if not starts_line(source, start) or not WHOLE_LINE_TAIL.match(source.text, end):
        raise CannotReplaceError("the statement shares its line")


def need_one_line(text: str, compound: bool) -> None:
    if "\n" in text or "\r" in text or compound:
        raise CannotReplaceError("the statement shares its line")


def statements_in(nodes: Sequence[Node]) -> list[Node]:
    """Some statements and all in their blocks, in order; an `elif` is part of one."""
    result: list[Node] = []
    for node in nodes:
        if isinstance(node, cst.BaseSmallStatement | cst.BaseCompoundStatement):
            result.append(node)
        if not isinstance(node, cst.BaseSmallStatement):
            result += _statements_below(node)
    return result


def _statements_below(node: Node) -> list[Node]:
    result: list[Node] = []
    for _, below in children(node):
        branch = isinstance(node, cst.If) and isinstance(below, cst.If) and below is node.orelse
        result += _statements_below(below) if branch else statements_in([below])
    return result


def are_statements(nodes: Sequence[Any]) -> bool:
    return isinstance(nodes[0], cst.BaseSmallStatement | cst.BaseCompoundStatement)


def is_compound(nodes: Sequence[Node]) -> bool:
    return any(isinstance(each, cst.BaseCompoundStatement) for each in nodes)
