"""The innermost statements that may hold something, as whole lines, found by `ast` and by text.

LibCST reads a line many times more slowly than `ast` does: of a class of 300 lines with one site,
the one statement around the site is all it need see.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from patcher.rewrite.source import Source

Lines = tuple[int, int]


def innermost(
    source: Source, nodes: Sequence[ast.stmt], holds: Callable[[str], bool]
) -> list[Lines]:
    """First and last line of the innermost statements that may hold what lies in one statement.

    Args:
        nodes: where to look.
        holds: whether a text has all the words of it.
    """
    result: list[Lines] = []
    for first, last, statements in together(source, nodes):
        start, end = source.lines(first, last)
        if not holds(source.text[start:end]):
            continue
        inner = _inner(source, statements[0]) if len(statements) == 1 else None
        if inner is None or holds(_own_text(source, (first, last), inner)):
            result.append((first, last))
        else:
            result += innermost(source, inner, holds)
    return result


def together(source: Source, nodes: Sequence[ast.stmt]) -> list[tuple[int, int, list[ast.stmt]]]:
    """First line, last line and statements; those that share a line come as one."""
    result: list[tuple[int, int, list[ast.stmt]]] = []
    for node in nodes:
        first, last = source.first_line(node), node.end_lineno or node.lineno
        if result and (first <= result[-1][1] or source.continues(result[-1][1])):
            start, end, before = result[-1]
            result[-1] = (start, max(end, last), [*before, node])
        else:
            result.append((first, last, [node]))
    return result


def _inner(source: Source, node: ast.stmt) -> list[ast.stmt] | None:
    """The statements in the blocks of one; None when they do not stand on lines of their own."""
    result = list(_in_blocks(source, node))
    alone = all(_starts_line(source, run[0]) for _, _, run in together(source, result))
    return result if result and alone else None


def _in_blocks(source: Source, node: ast.AST) -> Iterator[ast.stmt]:
    """Clauses belong to their statement: what stands in their blocks stands in its own."""
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        block = getattr(node, name, None)
        for each in block if isinstance(block, list) else ():
            if not isinstance(each, ast.stmt) or _is_elif(source, each):
                yield from _in_blocks(source, each)
            else:
                yield each


def _is_elif(source: Source, node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and _line(source, node.lineno).lstrip().startswith("elif")


def _starts_line(source: Source, node: ast.stmt) -> bool:
    if source.first_line(node) != node.lineno:
        return True  # nothing but white space may stand before the @ of a decorator
    return not _line(source, node.lineno).encode()[: node.col_offset].strip()


def _line(source: Source, number: int) -> str:
    start, end = source.lines(number, number)
    return source.text[start:end]


def _own_text(source: Source, lines: Lines, inner: Sequence[ast.stmt]) -> str:
    """The text of some lines without the lines of the statements in their blocks."""
    own: list[str] = []
    at = lines[0]
    for first, last, _ in together(source, inner):
        own.append(source.text[slice(*source.lines(at, first - 1))] if first > at else "")
        at = last + 1
    own.append(source.text[slice(*source.lines(at, lines[1]))] if lines[1] >= at else "")
    return "".join(own)


def starts_line(source: Source, start: int) -> bool:
    """Whether a statement is the first of its line; a line goes on after a backslash."""
    line = source.line_start(start)
    goes_on = line > 0 and source.continues(source.position(line)[0] - 1)
    return not goes_on and not source.text[line:start].strip()
