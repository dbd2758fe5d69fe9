"""Exact matching of a pattern against LibCST nodes.

Two nodes match when everything that is not formatting is equal. White space, comments, redundant
parentheses, a trailing comma and the quotes of plain strings are formatting; nothing else is. Holes
match as `patcher.patchfile.holes` says, and a hole used twice must be equal both times.

Cost is bounded twice. A relaxed match, which ignores that repeated holes must be equal, is memoised
over pairs of (pattern node, node), so that it is polynomial; the exact match only follows choices
the relaxed one allows. Without repeated holes it therefore never goes back; with them a budget of
steps ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from patcher.patchfile.holes import ONE
from patcher.rewrite.matching.bare import bare
from patcher.rewrite.matching.parts import Node, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_STEPS = 200_000
_REST = cst.Expr(cst.Name(f"{ONE * 3}_"))
"""Stands for the statements of a block that follow a run."""


class TooManyStepsError(Exception):
    """The pattern's repeated holes allow too many ways to match."""


@dataclass
class Match:
    """How a pattern matched: ``bound`` by hole name, ``paired`` by pattern node."""

    bound: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    paired: dict[Node, tuple[Node, ...]] = field(default_factory=dict)


def one_hole(node: Node) -> str | None:
    """The name of a `$NAME` that stands where this pattern node is."""
    if isinstance(node, cst.Expr):
        node = node.value
    if isinstance(node, cst.MatchAs) and node.pattern is None and node.name is not None:
        node = node.name
    if isinstance(node, cst.Name) and node.value.startswith(ONE) and node.value[1:2] != ONE:
        return node.value[1:]
    return None


def many_hole(node: Node) -> str | None:
    """The name of a `$$$NAME` that stands where this element of a list is."""
    inner: Any = node
    starred = False
    if isinstance(node, cst.Expr):
        inner = node.value
    elif isinstance(node, cst.SubscriptElement):
        inner = node.slice
    if isinstance(inner, cst.Arg):
        if inner.keyword is not None:
            return None
        starred, inner = bool(inner.star), inner.value
    elif isinstance(inner, cst.Param):
        if inner.annotation is not None or inner.default is not None:
            return None
        starred, inner = inner.star == "*", inner.name
    elif isinstance(inner, cst.StarredElement | cst.StarredDictElement):
        starred, inner = True, inner.value
    elif isinstance(inner, cst.MatchStar):
        starred, inner = True, inner.name
    elif isinstance(inner, cst.Index):
        starred, inner = bool(inner.star), inner.value
    elif isinstance(inner, cst.Decorator):
        inner = inner.decorator
    elif isinstance(inner, cst.WithItem | cst.ImportAlias):
        if inner.asname is not None:
            return None
        inner = inner.item if isinstance(inner, cst.WithItem) else inner.name
    elif isinstance(inner, cst.NameItem):
        inner = inner.name
    elif isinstance(inner, cst.Element | cst.MatchSequenceElement):
        inner = inner.value
        inner = inner.name if isinstance(inner, cst.MatchAs) else inner
    elif isinstance(inner, cst.TypeParam):
        starred, inner = isinstance(inner.param, cst.TypeVarTuple), inner.param.name
    if not isinstance(inner, cst.Name):
        return None
    text = inner.value
    if text.startswith(ONE * 3):
        return text[3:]
    if starred and text.startswith(ONE * 2):
        return text[2:]
    return text[1:] if starred and text.startswith("º") else None


def same(one: Node, other: Node) -> bool:
    """Equal but for formatting; a hole is equal to the hole of the same name only."""
    suites = isinstance(one, cst.BaseSuite) and isinstance(other, cst.BaseSuite)
    if type(one) is not type(other) and not suites:
        return False
    for (_, left), (_, right) in zip(parts(one), parts(other), strict=True):
        if isinstance(left, Node) and isinstance(right, Node):
            if not same(left, right):
                return False
        elif _is_list(left) and _is_list(right):
            if len(left) != len(right) or not all(map(same, left, right)):
                return False
        elif left != right:
            return False
    return True


class Matcher:
    """Matches pattern nodes against nodes, remembering what cannot match."""

    def __init__(self) -> None:
        self._parts: dict[Node, list[tuple[str, Any]]] = {}
        self._relaxed: dict[tuple[Node, Node], bool] = {}
        self._tables: dict[tuple[int, int], list[list[bool]]] = {}
        self._extended: dict[int, Sequence[Node]] = {}
        self._many_hole = cache(many_hole)
        self._one_hole = cache(one_hole)
        self._alive: list[Any] = []  # the lists that dictionaries name by id must not be collected
        self.steps = 0

    def parts(self, node: Node) -> list[tuple[str, Any]]:
        if node not in self._parts:
            self._parts[node] = parts(node)
        return self._parts[node]

    def match(self, pattern: Node, node: Node) -> Match | None:
        """The first way (each `$$$` as short as possible) in which a node matches."""
        if not self.relaxed(pattern, node):
            return None
        self.steps = 0
        return self._solve((("node", pattern, node), None), Match())

    def match_run(
        self, patterns: Sequence[Node], run: Sequence[Node], start: int
    ) -> tuple[int, Match] | None:
        """Match statements from ``start`` on; the end of the run and the match.

        A pattern that starts (ends) with a `$$$` hole starts (ends) with the block.
        """
        if start and self._many_hole(patterns[0]) is not None:
            return None
        open_ended = self._open_ended(patterns)
        if not self._table(open_ended, run)[0][start]:
            return None
        self.steps = 0
        result = self._solve((("list", open_ended, 0, run, start), None), Match())
        if result is None:
            return None
        return len(run) - len(result.paired.pop(_REST, ())), result

    def _open_ended(self, patterns: Sequence[Node]) -> Sequence[Node]:
        """The patterns and whatever follows them in the block."""
        if self._many_hole(patterns[-1]) is not None:
            return patterns
        if id(patterns) not in self._extended:
            self._extended[id(patterns)] = [*patterns, _REST]
            self._alive.append(patterns)
        return self._extended[id(patterns)]

    # relaxed: memoised, polynomial ------------------------------------------------------------

    def relaxed(self, pattern: Node, node: Node) -> bool:
        """Whether a node matches when repeated holes need not be equal."""
        key = (pattern, node)
        known = self._relaxed.get(key)
        if known is None:
            known = self._relaxed[key] = self._relaxed_now(pattern, node)
        return known

    def _relaxed_now(self, pattern: Node, node: Node) -> bool:
        if self._one_hole(pattern) is not None:
            return _fits_hole(pattern, node)
        suites = isinstance(pattern, cst.BaseSuite) and isinstance(node, cst.BaseSuite)
        if type(pattern) is not type(node) and not suites:
            return False
        for (_, expected), (_, actual) in zip(self.parts(pattern), self.parts(node), strict=True):
            if isinstance(expected, Node):
                if not isinstance(actual, Node) or not self.relaxed(expected, actual):
                    return False
            elif _is_list(expected):
                if not _is_list(actual) or not self._table(expected, actual)[0][0]:
                    return False
            elif expected != actual:
                return False
        return True

    def _table(self, patterns: Sequence[Node], run: Sequence[Node]) -> list[list[bool]]:
        """``table[i][j]``: patterns from i on match the run from j to its end."""
        key = (id(patterns), id(run))
        if key in self._tables:
            return self._tables[key]
        rows, columns = len(patterns), len(run)
        table = [[False] * (columns + 1) for _ in range(rows + 1)]
        table[rows][columns] = True
        for i in range(rows - 1, -1, -1):
            many = self._many_hole(patterns[i]) is not None
            for j in range(columns, -1, -1):
                if many:
                    table[i][j] = table[i + 1][j] or (j < columns and table[i][j + 1])
                else:
                    table[i][j] = (
                        j < columns and table[i + 1][j + 1] and self.relaxed(patterns[i], run[j])
                    )
        self._tables[key] = table
        self._alive += (patterns, run)
        return table

    # exact: follows what the relaxed match allows ---------------------------------------------

    def _solve(self, tasks: Any, match: Match) -> Match | None:
        while tasks is not None:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TooManyStepsError
            task, tasks = tasks
            if task[0] == "node":
                more = self._node(task[1], task[2], match)
                if more is None:
                    return None
                for each in reversed(more):
                    tasks = (each, tasks)
                continue
            _, patterns, i, run, j = task
            if i == len(patterns):
                continue
            name = self._many_hole(patterns[i])
            if name is None:
                tasks = (("list", patterns, i + 1, run, j + 1), tasks)
                tasks = (("node", patterns[i], run[j]), tasks)
                continue
            table = self._table(patterns, run)
            ends = [end for end in range(j, len(run) + 1) if table[i + 1][end]]
            for count, end in enumerate(ends):
                last = count == len(ends) - 1
                branch = match if last else Match(dict(match.bound), dict(match.paired))
                if not self._bind(name, tuple(run[j:end]), branch):
                    continue
                branch.paired[patterns[i]] = tuple(run[j:end])
                result = self._solve((("list", patterns, i + 1, run, end), tasks), branch)
                if result is not None:
                    return result
            return None
        return match

    def _node(self, pattern: Node, node: Node, match: Match) -> list[Any] | None:
        """What remains to be matched below a pair of nodes; None when they do not match."""
        if not self.relaxed(pattern, node):
            return None
        match.paired[pattern] = (node,)
        name = self._one_hole(pattern)
        if name is not None:
            return [] if self._bind(name, (node,), match) else None
        more: list[Any] = []
        for (_, expected), (_, actual) in zip(self.parts(pattern), self.parts(node), strict=True):
            if isinstance(expected, Node):
                more.append(("node", expected, actual))
            elif _is_list(expected):
                more.append(("list", expected, 0, actual, 0))
        return more

    def _bind(self, name: str, nodes: tuple[Node, ...], match: Match) -> bool:
        if name == "_":
            return True
        before = match.bound.get(name)
        if before is None:
            match.bound[name] = nodes
            return True
        pairs = zip(before, nodes, strict=False)
        return len(before) == len(nodes) and all(same(bare(one), bare(two)) for one, two in pairs)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (
        isinstance(value, tuple) and all(isinstance(each, Node) for each in value)
    )


def _fits_hole(pattern: Node, node: Node) -> bool:
    if isinstance(pattern, cst.Expr):
        return isinstance(node, cst.BaseSmallStatement | cst.BaseCompoundStatement)
    if isinstance(pattern, cst.MatchAs):
        return isinstance(node, cst.MatchPattern)
    return isinstance(node, cst.BaseExpression)
