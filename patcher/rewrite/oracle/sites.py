"""Where sites are in a syntax tree: found by lines and columns alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from patcher.rewrite.outcome import Site

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Place = tuple[int, int]
Span = tuple[Place, Place]
Tree = TypeVar("Tree", ast.Module, ast.expr)


class Lines:
    """The lines of a text, and places in them as `ast` counts: columns in UTF-8 bytes, from 0."""

    def __init__(self, text: str) -> None:
        pieces = re.split(r"(\r\n|\r|\n)", text) if "\r" in text else None
        if pieces is None:
            self.lines = [f"{line}\n" for line in text.split("\n")]
            self.lines[-1] = self.lines[-1][:-1]
        else:
            pieces.append("")
            of = zip(pieces[::2], pieces[1::2], strict=True)
            self.lines = [line + ending for line, ending in of]

    def place(self, line: int, column: int) -> Place:
        """Of a line and column from 1, the column in characters."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        before = text[: column - 1]
        return line, column - 1 if before.isascii() else len(before.encode())

    def span(self, site: Site) -> Span:
        start = self.place(site.line, site.column)
        return start, self.place(site.end_line, site.end_column)

    def text(self, start: Place, end: Place) -> str:
        """The text between two places."""
        (first, low), (last, high) = start, end
        if first == last:
            return _cut(self.lines[first - 1], low, high)
        inside = self.lines[first : last - 1]
        tail = _cut(self.lines[last - 1], 0, high) if last <= len(self.lines) else ""
        return "".join([_cut(self.lines[first - 1], low, None), *inside, tail])


def _cut(line: str, low: int, high: int | None) -> str:
    return line[low:high] if line.isascii() else line.encode()[low:high].decode()


@dataclass(frozen=True, eq=False)
class Run:
    """``block[first:last]``."""

    block: list[ast.stmt]
    first: int
    last: int


def span_of(node: ast.AST) -> Span | None:
    """First and last place of a node; None for one that has no places."""
    if not hasattr(node, "lineno"):
        return None
    each: ast.expr = node  # type: ignore[assignment]
    end = (each.end_lineno or each.lineno, each.end_col_offset or 0)
    return (each.lineno, each.col_offset), end


def first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def blocks(node: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    """The blocks right below a node, with the node that has the block."""
    for name in _BLOCKS:
        value = getattr(node, name, None)
        if not isinstance(value, list) or not value:
            continue
        if isinstance(value[0], ast.stmt):
            yield node, value
        else:
            for each in value:
                yield each, each.body


def find_run(tree: ast.Module, span: Span) -> Run | None:
    """The outermost statements of one block that lie in a span."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for _, block in blocks(node):
            inside = [i for i, each in enumerate(block) if _lies_in(each, span)]
            if inside:
                return Run(block, inside[0], inside[-1] + 1)
            waiting += [each for each in block if _meets(each, span)]
    return None


def find_branch(tree: ast.Module, start: Place) -> list[ast.stmt] | None:
    """The `orelse` that is nothing but the `elif` at a place."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for owner, block in blocks(waiting.pop()):
            first = block[0]
            other = isinstance(owner, ast.If) and block is owner.orelse
            if other and isinstance(first, ast.If) and (first.lineno, first.col_offset) == start:
                return block
            waiting += [each for each in block if _meets(each, (start, start))]
    return None


class _Pairs(ast.NodeTransformer):
    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        first, *rest = node.values
        for each in rest:
            pair = ast.BoolOp(node.op, [first, each])
            pair.lineno, pair.col_offset = node.lineno, node.col_offset
            pair.end_lineno, pair.end_col_offset = each.end_lineno, each.end_col_offset
            first = pair
        first.end_lineno, first.end_col_offset = node.end_lineno, node.end_col_offset
        return first


def in_pairs(tree: Tree) -> Tree:
    """The tree with `a and b and c` as `(a and b) and c`: `a and b` is a node then."""
    result: Tree = _Pairs().visit(tree)
    return result


def find_expression(tree: ast.AST, span: Span) -> ast.expr | None:
    """The largest expression that lies in a span."""
    waiting: list[tuple[ast.AST, ast.AST | None]] = [(tree, None)]
    while waiting:
        node, parent = waiting.pop()
        if type(node).__name__ in ("JoinedStr", "TemplateStr") and not _lies_in(node, span):
            continue
        where = _written(node, parent)
        if where is not None:
            if isinstance(node, ast.expr) and span[0] <= where[0] and where[1] <= span[1]:
                return node
            # Decorators stand above a definition; half of `a and (b) and c` ends before `)`.
            beyond = getattr(node, "decorator_list", None) or isinstance(node, ast.BoolOp)
            if not beyond and not (where[0] <= span[0] and span[1] <= where[1]):
                continue
        waiting += [(each, node) for each in ast.iter_child_nodes(node)]
    return None


def _written(node: ast.AST, parent: ast.AST | None) -> Span | None:
    """A node's span without the parentheses of a call that are not its own."""
    span = span_of(node)
    if isinstance(node, ast.GeneratorExp) and isinstance(parent, ast.Call) and span:
        only = len(parent.args) == 1 and not parent.keywords
        if only and span[1] == (parent.end_lineno, parent.end_col_offset):
            (line, column), (last, end) = span
            return (line, column + 1), (last, end - 1)
    return span


def _lies_in(node: ast.AST, span: Span) -> bool:
    own = span_of(node)
    return own is not None and span[0] <= own[0] and _end(node) <= span[1]


def _end(node: ast.AST) -> Place:
    """Where a node ends; a block may end in a `;` that belongs to none of its statements."""
    while below := [block for _, block in blocks(node)] if isinstance(node, ast.stmt) else []:
        node = below[-1][-1]
    span = span_of(node)
    assert span is not None
    return span[1]


def _meets(node: ast.stmt, span: Span) -> bool:
    return first_line(node) <= span[1][0] and span[0][0] <= (node.end_lineno or node.lineno)


def definition_at(tree: ast.Module, line: int) -> ast.stmt | None:
    """The definition whose `def` or `class` stands on a line."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Definition) and node.lineno == line:
            return node
        for _, block in blocks(node):
            waiting += [
                each for each in block if first_line(each) <= line <= (each.end_lineno or 0)
            ]
    return None


def position_of(nodes: Sequence[ast.stmt], place: Place) -> int:
    """How many statements end before a place."""
    return sum(_end(each) <= place for each in nodes)
