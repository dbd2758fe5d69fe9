"""The tree of a text of which most lines are those of another one: only what differs is read."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import dataclass

from patcher.rewrite.oracle.sites import Lines, first_line

_Owner = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Read = Callable[[str], ast.Module]


@dataclass(frozen=True)
class _Window:
    """``block[first:last]`` has the lines from ``low`` up to ``high``, which is not part of it."""

    block: list[ast.stmt]
    first: int
    last: int
    low: int
    high: int


def read_window(
    tree: ast.Module, old: Lines, new: Lines, touched: tuple[int, int], read: Read
) -> ast.Module | None:
    """The tree of a text, read where it differs from an older one.

    A statement on lines of its own is read the same whatever stands on other lines. So those around
    the touched ones are taken from the older tree when their lines are the same.

    Args:
        tree, old: the older text.
        new: the text to read.
        touched: first and last of the older lines that may have changed.

    Returns:
        The tree, in which nodes outside the touched lines are those of ``tree``, with its line
        numbers. None when all of the text must be read.
    """
    if not tree.body:
        return None
    owners, window = _innermost(tree, old, *touched)
    moved = len(new.lines) - len(old.lines)
    same = old.lines[: window.low - 1] == new.lines[: window.low - 1]
    if not same or old.lines[window.high - 1 :] != new.lines[window.high - 1 + moved :]:
        return None
    text = "".join(new.lines[window.low - 1 : window.high - 1 + moved])
    found = _read(text, window, old, new, read, nested=bool(owners))
    if found is None:
        return None
    body = [*window.block[: window.first], *found, *window.block[window.last :]]
    for block, owner in reversed(owners):
        other = copy.copy(owner)
        other.body = body
        body = [other if each is owner else each for each in block]
    return ast.Module(body, [])


def _read(
    text: str, window: _Window, old: Lines, new: Lines, read: Read, nested: bool
) -> list[ast.stmt] | None:
    above = "\n" * (window.low - 1)
    try:
        if not nested:
            return read(above + text).body
        body = read(f"{above[1:]}if 1:\n{text}").body
    except (SyntaxError, ValueError):
        return None
    only = body[0] if len(body) == 1 else None
    if not isinstance(only, ast.If) or only.orelse:
        return None
    margins = [_margin(of, node) for of, node in ((new, only.body[0]), (old, window.block[0]))]
    return only.body if margins[0] == margins[1] else None


def _margin(lines: Lines, node: ast.stmt) -> str:
    line = lines.lines[first_line(node) - 1]
    return line[: len(line) - len(line.lstrip())]


def _innermost(
    tree: ast.Module, lines: Lines, first: int, last: int
) -> tuple[list[tuple[list[ast.stmt], _Owner]], _Window]:
    """The definitions around some lines, each with its block, and the window in the last one."""
    owners: list[tuple[list[ast.stmt], _Owner]] = []
    window = _window(tree.body, lines, (first, last), (1, len(lines.lines) + 1))
    while window.last - window.first == 1:
        owner = window.block[window.first]
        if not isinstance(owner, _Owner) or owner.body[0].lineno == owner.lineno:
            break
        inner = _window(owner.body, lines, (first, last), (window.low, window.high))
        if not inner.first:  # the head of the definition would be part of it
            break
        owners.append((window.block, owner))
        window = inner
    return owners, window


def _window(
    block: list[ast.stmt], lines: Lines, touched: tuple[int, int], around: tuple[int, int]
) -> _Window:
    ends = [each.end_lineno or each.lineno for each in block]
    starts = [_start(each, lines) for each in block]
    first = sum(end < touched[0] for end in ends)
    while first and (first == len(block) or starts[first] <= ends[first - 1]):
        first -= 1
    last = max(first + 1, sum(start <= touched[1] for start in starts))
    while last < len(block) and starts[last] <= ends[last - 1]:
        last += 1
    low = ends[first - 1] + 1 if first else around[0]
    return _Window(block, first, last, low, starts[last] if last < len(block) else around[1])


def _start(node: ast.stmt, lines: Lines) -> int:
    """The line on which the line that a statement is on starts: above those that go on."""
    line = first_line(node)
    while line > 1 and lines.lines[line - 2].rstrip("\r\n").endswith("\\"):
        line -= 1
    return line
