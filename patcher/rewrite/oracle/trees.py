"""The tree that edits of one file must give, compared with the tree of what was written.

The source's nodes stay but for the sites: there stand the nodes of the replacement, with those of
the source in its holes. Only statements that hold a site are looked into; of all others the text
must be the same.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from patcher.rewrite.oracle.filling import Bound, MismatchError, Solver, blend, fill_list, is_hole
from patcher.rewrite.oracle.reading import Reader, Value, canonical
from patcher.rewrite.oracle.sites import Lines, Run, blocks, first_line

_LEAF = "\0site"


class DisagreementError(Exception):
    """What was written is not what was said. ``expected`` and ``written`` are trees as text."""

    def __init__(self, line: int, expected: Value, written: Value) -> None:
        super().__init__("the trees differ")
        self.line, self.expected, self.written = line, expected, written


@dataclass(frozen=True, eq=False)
class _Operation:
    """Elements ``first`` to ``last`` of a list become others; an insertion when there are none."""

    first: int
    last: int
    order: int
    new: Callable[[], list[Value]]


@dataclass
class _Changes:
    """What happens to the elements of one list; ``needs_one``: it may not be left empty."""

    operations: list[_Operation] = field(default_factory=list)
    needs_one: bool = False


class ExpectedTree:
    """The source's tree and what edits change in it."""

    def __init__(self, tree: ast.Module, lines: Lines) -> None:
        self.tree, self.lines = tree, lines
        self._lists: dict[int, _Changes] = {}
        self._leaves: list[tuple[ast.AST, Value, Value]] = []
        self._done: dict[int, Value] = {}
        self._touched: list[tuple[int, int]] = []
        self._order = 0
        self._reader = Reader(nodes={}, lists={})
        self._plain = Reader()
        self._solver = Solver(self._unwrapped)

    # what edits say ---------------------------------------------------------------------------

    def replace_expression(
        self, node: ast.expr, pattern: Value, template: Value, lines: tuple[int, int]
    ) -> None:
        """The node at some lines (those that `ast` gives it may be wrong) becomes another."""
        self._reader.nodes[id(node)] = (_LEAF, len(self._leaves))  # type: ignore[index]
        self._leaves.append((node, pattern, template))
        self._touch(*lines)

    def replace_run(self, run: Run, pattern: list[Value], template: list[Value]) -> None:
        """Only what differs between pattern and template is replaced."""
        nodes = run.block[run.first : run.last]
        _, ends = self._solver.run(pattern, [self._plain.plain(each) for each in nodes])
        starts = [0, *ends[:-1]]
        for low, high in _differing(pattern, template):
            first = starts[low[0]] if low[0] < len(starts) else len(nodes)
            last = ends[low[1] - 1] if low[1] > low[0] else first
            self.change(
                run.block,
                run.first + first,
                run.first + last,
                self._filled(nodes, pattern, template, low, high, (first, last)),
            )
        self._touch(first_line(nodes[0]), nodes[-1].end_lineno or nodes[-1].lineno)

    def _filled(
        self, nodes: Sequence[ast.stmt], pattern: list[Value], template: list[Value],
        low: tuple[int, int], high: tuple[int, int], span: tuple[int, int],
    ) -> Callable[[], list[Value]]:  # fmt: skip
        def new() -> list[Value]:
            values = [self._reader.node(each) for each in nodes]
            bound, _ = self._solver.run(pattern, values)
            item = (low[1] - low[0], high[1] - high[0], span[1] - span[0]) == (1, 1, 1)
            of = template[high[0] : high[1]]
            if item and not is_hole(of[0], True) and not is_hole(pattern[low[0]], True):
                return [blend(pattern[low[0]], of[0], values[span[0]], bound)]
            return fill_list(of, bound, block=False)

        return new

    def replace_branches(
        self, of: list[ast.stmt], pattern: list[Value], template: list[Value]
    ) -> None:
        """The `elif` that an `orelse` is, and those below it, become other branches.

        What follows the last of them follows the last one that is written. An `else` belongs to
        the last branch where the pattern has one.
        """
        closed = bool(pattern[-1][3])
        nodes: list[ast.If] = []
        rest = of
        for _ in pattern:
            if not rest or not isinstance(rest[0], ast.If):
                raise MismatchError("there are fewer branches than the pattern has")
            nodes.append(rest[0])
            rest = rest[0].orelse
        if closed:
            rest = []

        def new() -> list[Value]:
            values = [self._branch(each, closed and each is nodes[-1]) for each in nodes]
            bound, _ = self._solver.run(pattern, values)
            result = self._reader.items(rest)
            for each in reversed(self._branches(pattern, template, values, bound)):
                if each[3] and result:
                    raise MismatchError("a branch with `else` is not the last one")
                result = [(*each[:3], each[3] or result)]
            return result

        self.change(of, 0, 1, new)
        self._lists[id(of)].needs_one = False  # a chain does without
        self.touch(nodes[0])

    def _branch(self, node: ast.If, with_else: bool) -> Value:
        kept = self._reader.items(node.orelse) if with_else else []
        return "If", self._reader.node(node.test), self._reader.items(node.body), kept

    @staticmethod
    def _branches(
        pattern: list[Value], template: list[Value], values: list[Value], bound: Bound
    ) -> list[Value]:
        """The branches of a site, those that differ between pattern and template replaced."""
        result: list[Value] = []
        at = 0
        for low, high in _differing(pattern, template):
            result += values[at : low[0]]
            of = template[high[0] : high[1]]
            if low[1] - low[0] == len(of) == 1:
                result.append(blend(pattern[low[0]], of[0], values[low[0]], bound))
            else:
                result += fill_list(of, bound, block=False)
            at = low[1]
        return result + values[at:]

    def change(
        self, of: list[ast.stmt] | list[ast.expr], first: int, last: int,
        new: Callable[[], list[Value]],
    ) -> None:  # fmt: skip
        """``of[first:last]`` becomes other values."""
        changes = self._lists.setdefault(id(of), _Changes())
        changes.operations.append(_Operation(first, last, self._order, new))
        changes.needs_one = bool(of) and isinstance(of[0], ast.stmt) and of is not self.tree.body
        self._order += 1
        self._reader.lists[id(of)] = self._changed  # type: ignore[index]

    def touch(self, node: ast.stmt) -> None:
        self._touch(first_line(node), node.end_lineno or node.lineno)

    def _touch(self, first: int, last: int) -> None:
        self._touched.append((first, last))

    # what comes of it -------------------------------------------------------------------------

    def compare(self, written: ast.Module, lines: Lines) -> None:
        """Raises `DisagreementError` where the written tree differs, `MismatchError`."""
        self._written = lines
        self._block(self.tree.body, written.body, 1)

    def _block(self, of: list[ast.stmt], written: list[ast.stmt], line: int) -> None:
        kept = self._kept(of)
        if len(kept) != len(written):
            values = [each if isinstance(each, tuple) else self._value(each) for each in kept]
            self._differ(values, written, line)
        for each, other in zip(kept, written, strict=True):
            if isinstance(each, ast.stmt):
                self._statement(each, other)
            elif self._resolved(each) != self._plain.plain(other):
                raise DisagreementError(
                    other.lineno, self._resolved(each), self._plain.plain(other)
                )

    def _differ(self, values: list[Value], written: list[ast.stmt], line: int) -> None:
        others = [self._plain.plain(each) for each in written]
        at = 0
        while at < min(len(values), len(others)) and values[at] == others[at]:
            at += 1
        line = written[at].lineno if at < len(written) else line
        raise DisagreementError(line, values[at : at + 2], others[at : at + 2])

    def _kept(self, of: list[ast.stmt]) -> list[ast.stmt | Value]:
        """A block's statements: the source's own, or what takes the place of some."""
        changes = self._lists.get(id(of))
        return list(of) if changes is None else self._changed_list(of, changes, lambda each: each)

    def _statement(self, node: ast.stmt, other: ast.stmt) -> None:
        first, last = first_line(node), node.end_lineno or node.lineno
        same = node is other or self._same_text(node, other)
        if same and not any(low <= last and first <= high for low, high in self._touched):
            return
        if type(node) is type(other) and next(blocks(node), None):
            pairs = list(zip(blocks(node), blocks(other), strict=False))
            if len(pairs) == len(list(blocks(node))) == len(list(blocks(other))):
                head, other_head = _without_blocks(node), _without_blocks(other)
                expected = self._resolved(self._reader.plain(head))
                if expected != self._plain.plain(other_head):
                    raise DisagreementError(other.lineno, expected, self._plain.plain(other_head))
                for (_, block), (_, written) in pairs:
                    self._block(block, written, other.lineno)
                return
        expected, written = self._value(node), self._plain.plain(other)
        if expected != written:
            raise DisagreementError(other.lineno, expected, written)

    def _same_text(self, node: ast.stmt, other: ast.stmt) -> bool:
        if node.col_offset != other.col_offset or node.end_col_offset != other.end_col_offset:
            return False
        mine = self.lines.lines[first_line(node) - 1 : node.end_lineno]
        return mine == self._written.lines[first_line(other) - 1 : other.end_lineno]

    def _value(self, node: ast.AST) -> Value:
        return self._resolved(self._reader.node(node))

    # stand-ins --------------------------------------------------------------------------------

    def _changed(self, of: Sequence[ast.AST]) -> list[Value]:
        return self._changed_list(of, self._lists[id(of)], self._reader.node)

    def _changed_list(
        self, of: Sequence[ast.AST], changes: _Changes, keep: Callable[[ast.AST], Value]
    ) -> list[Value]:
        result: list[Value] = []
        at = 0
        for each in sorted(
            changes.operations, key=lambda item: (item.first, item.last, item.order)
        ):
            if each.first < at:
                raise MismatchError("two edits change the same statement")
            result += [keep(item) for item in of[at : each.first]]
            result += each.new()
            at = each.last
        result += [keep(item) for item in of[at:]]
        return result or ([("Pass",)] if changes.needs_one else [])

    def _unwrapped(self, node: Value) -> Value:
        if isinstance(node, tuple) and node[0] == _LEAF:
            return self._plain.plain(self._leaves[node[1]][0])
        return node

    def _resolved(self, value: Value) -> Value:
        """A value with the replacement of each site in the place of its stand-in."""
        if isinstance(value, list):
            return [self._resolved(each) for each in value]
        if not isinstance(value, tuple):
            return value
        if value[0] == _LEAF:
            return self._replacement(value[1])
        return canonical(tuple(map(self._resolved, value)))

    def _replacement(self, index: int) -> Value:
        if index not in self._done:
            node, pattern, template = self._leaves[index]
            value = self._reader.plain(node)
            bound = self._solver.node(pattern, value)
            self._done[index] = self._resolved(blend(pattern, template, value, bound))
        return self._done[index]


def _without_blocks(node: ast.stmt) -> ast.stmt:
    """A copy without the statements in its blocks; what is left are the same nodes."""
    head = copy.copy(node)
    for name in ("body", "orelse", "finalbody"):
        if isinstance(getattr(node, name, None), list):
            setattr(head, name, [])
    for name in ("handlers", "cases"):
        parts = getattr(node, name, None)
        if parts:
            emptied = [copy.copy(each) for each in parts]
            for each in emptied:
                each.body = []
            setattr(head, name, emptied)
    return head


_Span = tuple[int, int]


def _differing(old: list[Value], new: list[Value]) -> list[tuple[_Span, _Span]]:
    """Where two lists differ: one by one when they are of a length, else all between their ends."""
    if len(old) == len(new) and not any(is_hole(each, True) for each in (*old, *new)):
        return [((i, i + 1), (i, i + 1)) for i in range(len(old)) if old[i] != new[i]]
    least, head, tail = min(len(old), len(new)), 0, 0
    while head < least and old[head] == new[head]:
        head += 1
    while tail < least - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return [((head, len(old) - tail), (head, len(new) - tail))]
