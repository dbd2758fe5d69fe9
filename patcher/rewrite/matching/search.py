"""Where a pattern matches: expressions anywhere below a node, statements in any of its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from patcher.rewrite.matching.parts import Node, children, is_a, statements
from patcher.rewrite.matching.spans import element_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.tree import ParsedLines
    from patcher.rewrite.matching.unify import Match, Matcher

NOT_EXPRESSIONS = {
    ("Attribute", "attr"), ("Arg", "keyword"), ("Param", "name"), ("FunctionDef", "name"),
    ("ClassDef", "name"), ("MatchKeywordElement", "key"), ("TypeVar", "name"),
    ("TypeVarTuple", "name"), ("ParamSpec", "name"), ("MatchAs", "name"), ("MatchStar", "name"),
    ("MatchMapping", "rest"), ("ImportAlias", "name"), ("ImportAlias", "asname"),
    ("ImportFrom", "module"), ("AsName of ImportAlias", "name"), ("NameItem", "name"),
    ("AsName of ExceptHandler", "name"), ("AsName of ExceptStarHandler", "name"),
    ("MatchSingleton", "value"),
}  # fmt: skip
"""Names that only look like expressions: what they name is not read there."""

_CASE_VALUES = {("MatchValue", "value"), ("MatchMappingElement", "key")}


@dataclass(frozen=True, eq=False)
class Block:
    """The statements of one block, and whether it may be left without any."""

    statements: list[Node]
    may_empty: bool


@dataclass(frozen=True, eq=False)
class Field:
    """The expression of a replacement field, and the f-string that the field is in."""

    string: cst.FormattedString
    part: cst.FormattedStringExpression


@dataclass(frozen=True, eq=False)
class MatchedSite:
    """A match in a tree: an expression, or ``block.statements[first:last]``.

    ``fields`` are those of f-strings that it lies in, the outermost first; ``in_case``: it is the
    value that a `case` compares with.
    """

    tree: ParsedLines
    match: Match
    nodes: tuple[Node, ...]
    block: Block | None = None
    first: int = 0
    fields: tuple[Field, ...] = ()
    in_case: bool = False

    @property
    def last(self) -> int:
        return self.first + len(self.nodes)

    @property
    def span(self) -> tuple[int, int]:
        if not self.nodes:
            return (0, 0)
        start = element_span(self.tree, self.nodes[0])[0]
        return start, element_span(self.tree, self.nodes[-1])[1]

    def holes(self) -> Iterator[tuple[int, int]]:
        """Spans of what the match's holes hold."""
        for nodes in self.match.bound.values():
            if nodes:
                yield (
                    element_span(self.tree, nodes[0])[0],
                    element_span(self.tree, nodes[-1])[1],
                )


@dataclass(frozen=True, eq=False)
class Region:
    """Part of a file to search: the blocks and expressions below ``roots``.

    ``roots`` are whole statements of ``block``; ``top_only`` leaves definitions out.
    """

    tree: ParsedLines
    block: Block
    top_only: bool = False

    def nodes(self) -> Iterator[tuple[str, str, Node]]:
        """Every node below, with its parent's class and field, in source order."""
        for parent, name, node, _ in self.walk(strings=False):
            yield parent, name, node

    def walk(self, strings: bool) -> Iterator[tuple[str, str, Node, tuple[Field, ...]]]:
        """As `nodes`, and the fields of f-strings around each node.

        Args:
            strings: look into f-strings.
        """
        start: tuple[Field, ...] = ()
        stack = [("", "", node, start) for node in reversed(self.block.statements)]
        while stack:
            parent, name, node, around = stack.pop()
            if self.top_only and type(node) in (cst.FunctionDef, cst.ClassDef):
                continue
            yield parent, name, node, around
            kind = type(node).__name__
            if type(node) is cst.AsName:
                kind = f"{kind} of {parent}"
            if strings and type(node) is cst.FormattedString:
                fields = [Field(node, part) for part in _parts(node.parts)]
                stack += [
                    (kind, "parts", each.part.expression, (*around, each))
                    for each in reversed(fields)
                ]
            stack += [(kind, field, each, around) for field, each in reversed(list(children(node)))]

    def blocks(self) -> Iterator[Block]:
        yield self.block
        for _, _, node in self.nodes():
            if is_a(node, cst.BaseSuite):
                yield Block(statements(node), False)

    def chains(self, with_else: bool) -> Iterator[Block]:
        """The `elif` branches of each `if`, as the statements of a block.

        Args:
            with_else: the `else` of a chain belongs to its last branch.
        """
        for parent, name, node in self.nodes():
            if type(node) is not cst.If or (parent, name) == ("If", "orelse"):
                continue
            branches: list[Node] = []
            each = node.orelse
            while isinstance(each, cst.If):
                last = with_else and not isinstance(each.orelse, cst.If)
                branches.append(each if last else self.tree.branch(each))
                each = each.orelse
            if branches:
                yield Block(branches, True)


def _parts(
    parts: Sequence[cst.BaseFormattedStringContent],
) -> Iterator[cst.FormattedStringExpression]:
    """The replacement fields of an f-string, those of a format specification after its own."""
    for part in parts:
        if isinstance(part, cst.FormattedStringExpression):
            yield part
            yield from _parts(part.format_spec or ())


def region(tree: ParsedLines, may_empty: bool, top_only: bool = False) -> Region:
    """All of a tree."""
    return Region(tree, Block(statements(tree.root), may_empty), top_only)


def find(
    pattern: Pattern, where: Region, matcher: Matcher, as_statements: bool = False,
    strings: bool = False,
) -> list[MatchedSite]:  # fmt: skip
    """Every site of a pattern, in source order; runs of statements do not overlap each other.

    Args:
        strings: look into f-strings, where the pattern is an expression.
    """
    if pattern.expression is not None and not as_statements:
        return _expressions(pattern.expression, where, matcher, strings)
    if not pattern.body:
        return []
    if pattern.branches:
        last = pattern.body[-1]
        with_else = isinstance(last, cst.If) and last.orelse is not None
        return _runs(pattern.body, where.tree, where.chains(with_else), matcher)
    return _runs(pattern.body, where.tree, where.blocks(), matcher)


def _expressions(
    pattern: cst.BaseExpression, where: Region, matcher: Matcher, strings: bool
) -> list[MatchedSite]:
    result = []
    for parent, name, node, around in where.walk(strings):
        if parent == "ConcatenatedString":
            continue  # its parts are one string
        if type(node) is type(pattern) and (parent, name) not in NOT_EXPRESSIONS:
            match = matcher.match(pattern, node)
            if match is not None:
                in_case = (parent, name) in _CASE_VALUES
                result.append(
                    MatchedSite(where.tree, match, (node,), fields=around, in_case=in_case)
                )
    return sorted(result, key=lambda each: each.span)


def _runs(
    pattern: Sequence[Node], tree: ParsedLines, blocks: Iterable[Block], matcher: Matcher
) -> list[MatchedSite]:
    result = []
    for block in blocks:
        at = 0
        while at < len(block.statements):
            matched = matcher.match_run(pattern, block.statements, at)
            if matched is None or matched[0] == at:
                at += 1
                continue
            end, match = matched
            nodes = tuple(block.statements[at:end])
            result.append(MatchedSite(tree, match, nodes, block, at))
            at = end
    return sorted(result, key=lambda each: each.span)
