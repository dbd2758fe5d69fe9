"""The tree of a text of which most lines are those of another one: only what differs is read."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from patcher.rewrite.oracle.sites import Lines, first_line

_Owner = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Read = Callable[[str], ast.Module]
Touched = tuple[int, int]
"""First and last of some lines that may have changed."""


@dataclass(frozen=True, eq=False)
class Window:
    """``block[first:last]`` has the lines from ``low`` up to ``high``, which is not part of it.

    Attributes:
        owners: the definitions around the block, the outermost first, each with its block.
        new: the same two lines of the new text.
    """

    block: list[ast.stmt]
    first: int
    last: int
    low: int
    high: int
    owners: tuple[tuple[list[ast.stmt], _Owner], ...] = ()
    new: tuple[int, int] = (0, 0)


def find_windows(
    tree: ast.Module, old: Lines, new: Lines, touched: Sequence[Touched]
) -> list[Window]:
    """Where two texts may differ: the innermost statements around the touched lines, in order.

    All other lines are the same in both texts, which is looked at here.

    Args:
        tree, old: the older text.
        touched: those of the older lines that may have changed.

    Returns:
        None at all when lines elsewhere have changed.
    """
    if not tree.body or not touched:
        return []
    around = 1, len(old.lines) + 1
    windows = _innermost(tree.body, (), old, sorted(touched), around)
    if windows is None:
        return []
    return _aligned(windows, old.lines, new.lines)


def read_windows(
    tree: ast.Module, old: Lines, new: Lines, windows: Sequence[Window], read: Read
) -> ast.Module | None:
    """The tree of a text, read where it differs from an older one.

    A statement on lines of its own is read the same whatever stands on other lines. So those around
    the windows are taken from the older tree.

    Args:
        windows: what `find_windows` gives for the two texts.

    Returns:
        The tree, in which nodes outside the windows are those of ``tree``, with its line numbers.
        None when all of the text must be read.
    """
    changed: list[_Changed] = []
    for window in windows:
        result = _read(window, old, new, read)
        if result is None:
            return None
        changed.append((window.owners, window, result))
    return ast.Module(_rebuilt(tree.body, changed), []) if changed else None


_Owners = tuple[tuple[list[ast.stmt], _Owner], ...]
_Changed = tuple[_Owners, Window, list[ast.stmt]]


def _rebuilt(block: list[ast.stmt], changed: Sequence[_Changed]) -> list[ast.stmt]:
    """A block with other statements in the windows in it, or below it."""
    result = list(block)
    groups = itertools.groupby(changed, lambda each: each[0][0][1] if each[0] else None)
    for owner, group in reversed([(owner, list(group)) for owner, group in groups]):
        if owner is None:
            for _, window, nodes in reversed(group):
                result[window.first : window.last] = nodes
            continue
        other = copy.copy(owner)
        other.body = _rebuilt(owner.body, [(owners[1:], *rest) for owners, *rest in group])
        result[block.index(owner)] = other
    return result


def _aligned(windows: list[Window], old: list[str], new: list[str]) -> list[Window]:
    """The windows with their lines in the new text; none when there is something else between."""
    at = windows[0].low
    if old[: at - 1] != new[: at - 1]:
        return []
    result: list[Window] = []
    for window, following in itertools.zip_longest(windows, windows[1:]):
        if following is None:
            rest = old[window.high - 1 :]
            stop = len(new) + 1 - len(rest)
            if stop < at or new[stop - 1 :] != rest:
                return []
        else:
            rest = old[window.high - 1 : following.low - 1]
            places = range(at, len(new) + 2 - len(rest))
            stop = next((n for n in places if new[n - 1 : n - 1 + len(rest)] == rest), 0)
            if not stop:
                return []
        result.append(replace(window, new=(at, stop)))
        at = stop + len(rest)
    return result


def _read(window: Window, old: Lines, new: Lines, read: Read) -> list[ast.stmt] | None:
    low, high = window.new
    text, above = "".join(new.lines[low - 1 : high - 1]), "\n" * (low - 1)
    try:
        if not window.owners:
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
    block: list[ast.stmt], owners: _Owners, lines: Lines, touched: list[Touched], around: Touched
) -> list[Window] | None:
    """The windows of some lines in a block; None where the head of its owner would be part."""
    groups: list[tuple[Window, list[Touched]]] = []
    starts = [_start(each, lines) for each in block]
    for each in touched:
        window = _window(block, owners, starts, each, around)
        if groups and window.first < groups[-1][0].last:
            _extend(groups, window, [each])
        else:
            groups.append((window, [each]))
    result: list[list[Window]] = []
    while True:
        for window, ranges in groups[len(result) :]:
            below = _below(window, owners, lines, ranges)
            if below is None and owners and not window.first:
                return None
            result.append(below or [window])
        close = next((i for i, (one, other) in enumerate(itertools.pairwise(result))
                      if other[0].low <= one[-1].high), None)  # fmt: skip
        if close is None:
            return [each for windows in result for each in windows]
        rest = groups[close + 2 :]
        window, ranges = groups[close + 1]
        del groups[close + 1 :], result[close:]
        _extend(groups, window, ranges)
        groups += rest


def _extend(
    groups: list[tuple[Window, list[Touched]]], window: Window, ranges: list[Touched]
) -> None:
    """Make one of the last window and another one."""
    before, others = groups[-1]
    last, high = max((before.last, before.high), (window.last, window.high))
    groups[-1] = (replace(before, last=last, high=high), [*others, *ranges])


def _below(
    window: Window, owners: _Owners, lines: Lines, touched: list[Touched]
) -> list[Window] | None:
    """The windows inside the one definition that a window is; None when it has to be whole."""
    owner = window.block[window.first] if window.last - window.first == 1 else None
    if not isinstance(owner, _Owner):
        return None
    if owner.body[0].lineno == owner.lineno:
        return None
    inner = (*owners, (window.block, owner))
    return _innermost(owner.body, inner, lines, touched, (window.low, window.high))


def _window(
    block: list[ast.stmt], owners: _Owners, starts: list[int], touched: Touched, around: Touched
) -> Window:
    """The statements that some lines touch; none where all is written between two of a module."""
    ends = [each.end_lineno or each.lineno for each in block]
    first = sum(end < touched[0] for end in ends)
    between = not owners and first < len(block) and touched[1] < starts[first]
    while first and (first == len(block) or starts[first] <= ends[first - 1]):
        first, between = first - 1, False
    last = first if between else max(first + 1, sum(start <= touched[1] for start in starts))
    while 0 < last < len(block) and starts[last] <= ends[last - 1]:
        last += 1
    low = ends[first - 1] + 1 if first else around[0]
    high = starts[last] if last < len(block) else around[1]
    return Window(block, first, last, low, high, owners)


def _start(node: ast.stmt, lines: Lines) -> int:
    """The line on which the line that a statement is on starts: above those that go on."""
    line = first_line(node)
    while line > 1 and lines.lines[line - 2].rstrip("\r\n").endswith("\\"):
        line -= 1
    return line
