"""The closest miss: where a pattern that matches nothing nearly matches, and what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from patcher.rewrite.matching.parts import Node, parts
from patcher.rewrite.matching.reach import name_there
from patcher.rewrite.matching.spans import element_span
from patcher.rewrite.matching.unify import many_hole, one_hole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.search import Region

_ENOUGH = 0.5
_LEAVES = (cst.Name, cst.Integer, cst.Float, cst.Imaginary, cst.SimpleString)
_MOST_CANDIDATES = 2000
_TWINS: dict[type, type] = {cst.TryStar: cst.Try, cst.ExceptStarHandler: cst.ExceptHandler}
_FIELDS = {
    "args": "argument", "params": "parameter", "decorators": "decorator", "items": "item",
    "elements": "element", "body": "statement", "bases": "base", "names": "name",
    "asynchronous": "`async`", "targets": "target", "handlers": "handler",
    "comparisons": "comparison", "one_tuple": "the comma, which makes a tuple",
}  # fmt: skip


def closest_site(
    pattern: Pattern,
    regions: Sequence[Region],
    as_statements: bool,
    only_decorators: bool = False,
    strings: bool = False,
) -> tuple[tuple[int, int], str, str] | None:
    """Span of the best candidate, how it differs, and what to do where that is not plain.

    None when nothing is at least half alike. Of a name or a number nothing is: another is another.
    """
    best: tuple[float, tuple[int, int], str, str] | None = None
    expected: Node
    expression = pattern.expression is not None and not as_statements
    expected = pattern.expression if expression and pattern.expression else pattern.body[0]
    candidates = 0
    for region in regions:
        for parent, name, node, _ in region.walk(strings):
            if _kind(node) is not _kind(expected) or candidates > _MOST_CANDIDATES:
                continue
            if only_decorators and parent != "Decorator":
                continue
            candidates += 1
            (same, total, note), hint = _compare(expected, node), ""
            if note and isinstance(node, _LEAVES):
                continue
            if not note:
                note, hint = name_there(parent, name, node)
            if parent == "ConcatenatedString":
                note = "one of several strings side by side"
                hint = "they are one value: match all of them together"
            score = same / max(total, 1)
            if score >= _ENOUGH and (best is None or score > best[0]):
                best = (score, element_span(region.tree, node), note, hint)
    return best and best[1:]


def _compare(pattern: Node, node: Node) -> tuple[int, int, str]:
    """Equal parts, all parts, and the first difference in words."""
    if one_hole(pattern) is not None:
        return 1, 1, ""
    if _kind(pattern) is not _kind(node) and not (
        isinstance(pattern, cst.BaseSuite) and isinstance(node, cst.BaseSuite)
    ):
        return 0, 1 + _size(pattern), "differs here"
    same, total, note = 1, 1, ""
    if type(pattern) is not type(node) and isinstance(node, cst.Try | cst.TryStar):
        total, note = 2, "differs at `except` and `except*`"
    for (name, old), (_, new) in zip(parts(pattern), parts(node), strict=True):
        if isinstance(old, Node) and isinstance(new, Node):
            pairs: list[tuple[str, Node | None, Node | None]] = [(_word(name), old, new)]
        elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
            pairs = _pairs(name, old, new)
        else:
            total += 1
            same += old == new
            note = note or ("" if old == new else f"differs at {_word(name)}")
            continue
        for place, each, other in pairs:
            if each is None or other is None:
                total += 1 + (_size(each) if each is not None else 0)
                note = note or f"differs at {place}"
                continue
            got, of, inner = _compare(each, other)
            same, total = same + got, total + of
            if got < of and not note:
                inside = place in ("`body`", "`orelse`") or place.startswith("statement")
                note = inner if inside else f"differs at {place}"
    return same, total, note


def _kind(node: object) -> type:
    """The class of a node, and one for `try` with `except` or `except*`."""
    return _TWINS.get(type(node), type(node))


def _pairs(
    name: str, old: Sequence[Node], new: Sequence[Node]
) -> list[tuple[str, Node | None, Node | None]]:
    """Elements side by side; a `$$$` hole takes what is left over."""
    holes = [
        i for i, each in enumerate(old) if isinstance(each, Node) and many_hole(each) is not None
    ]
    if holes:
        before, after = old[: holes[0]], old[holes[-1] + 1 :]
        rest = new[max(len(before), len(new) - len(after)) :]
        return [
            *_zip(name, before, new[: len(before)], 0),
            *_zip(name, after, rest, len(new) - len(rest)),
        ]
    return _zip(name, old, new, 0)


def _zip(
    name: str, old: Sequence[Node], new: Sequence[Node], first: int
) -> list[tuple[str, Node | None, Node | None]]:
    result: list[tuple[str, Node | None, Node | None]] = []
    for index in range(max(len(old), len(new))):
        each = old[index] if index < len(old) else None
        other = new[index] if index < len(new) else None
        result.append((f"{_word(name)} {first + index + 1}", each, other))
    return result


def _word(name: str) -> str:
    return _FIELDS.get(name, f"`{name}`")


def _size(node: Node) -> int:
    total = 1
    for _, value in parts(node):
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, Node):
                total += _size(each)
    return total
