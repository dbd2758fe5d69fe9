"""Where `$$$` holes stand: among siblings of some kind, or where only one value can."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.patchfile.holes import Hole, Parsed

_MANY, _STARRED = "\u03bc\u03bc\u03bc", "\u03bc\u03bc"  # what Python makes of the stand-ins
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_LISTS = {
    ast.Call: ("args",), ast.ClassDef: ("bases",), ast.Tuple: ("elts",), ast.List: ("elts",),
    ast.Set: ("elts",), ast.Subscript: ("slice",), ast.withitem: ("context_expr",),
}  # fmt: skip
_TUPLES = {
    ast.Assign: ("targets", "value"), ast.AugAssign: ("value",), ast.AnnAssign: ("value",),
    ast.Return: ("value",), ast.Yield: ("value",), ast.For: ("target", "iter"),
    ast.AsyncFor: ("target", "iter"), ast.comprehension: ("target",), ast.Delete: ("targets",),
}  # fmt: skip
"""Where Python reads several values without parentheses as a tuple."""


class HoleRole(Enum):
    """What a `$$$` hole stands for at its place."""

    STATEMENTS = "statements"
    DECORATORS = "decorators"
    ELEMENTS = "elements"
    TUPLE = "a tuple"
    ONE = "one value"
    GROUPED = "one value in parentheses"


@dataclass(frozen=True)
class HolePlace:
    """One `$$$` hole and what it stands for."""

    hole: Hole
    role: HoleRole


def places(parsed: Parsed) -> list[HolePlace]:
    """The places of the `$$$` holes that stand in expressions, statements and decorators.

    Those in parameters, imports, `global`, entries of a dict and patterns of `case` are left out:
    Python takes a stand-in there in a list alone.
    """
    lines = _LINES.findall(parsed.text)
    offsets = [sum(map(len, lines[:i])) for i in range(len(lines) + 1)]
    result = []
    for parent, field, node in _stand_ins(parsed.tree):
        column = len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
        at = offsets[node.lineno - 1] + column
        hole = next((each for each in parsed.holes if each.start <= at < each.end), None)
        if hole is not None:
            result.append(HolePlace(hole, _role(parsed, parent, field, node, hole)))
    return result


def _stand_ins(tree: ast.Module) -> Iterator[tuple[ast.AST, str, ast.expr]]:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for node in value if isinstance(value, list) else [value]:
                name = node.value if isinstance(node, ast.Starred) else node
                if not isinstance(name, ast.Name) or not name.id.startswith(_STARRED):
                    continue
                # `$$$A` may be read with a star of its own: then the name below is passed over.
                own_star = not name.id.startswith(_MANY)
                if node is name and own_star and isinstance(parent, ast.Starred):
                    continue
                if node is name or own_star:
                    yield parent, field, node


def _role(parsed: Parsed, parent: ast.AST, field: str, node: ast.expr, hole: Hole) -> HoleRole:
    before, after = parsed.text[: hole.start].rstrip(), parsed.text[hole.end :].lstrip()
    in_parentheses = before.endswith("(") and after.startswith(")")
    if isinstance(parent, ast.Expr) and isinstance(node, ast.Starred):
        return HoleRole.STATEMENTS
    if field == "decorator_list":
        return HoleRole.DECORATORS
    if field in _LISTS.get(type(parent), ()):
        if isinstance(parent, ast.withitem) and parent.optional_vars is not None:
            return HoleRole.ONE
        # `f(($$$A))`: the name alone, where a starred one could stand.
        grouped = in_parentheses and re.search(r"(?:[(\[{,:=]|\A)\s*\Z", before[:-1])
        return HoleRole.GROUPED if grouped and isinstance(node, ast.Name) else HoleRole.ELEMENTS
    if isinstance(parent, ast.Delete) and len(parent.targets) > 1:
        return HoleRole.ELEMENTS
    if field in _TUPLES.get(type(parent), ()) or in_parentheses:
        return HoleRole.TUPLE
    return HoleRole.ONE


def problems(parsed: Parsed, pattern: Parsed | None = None) -> Iterator[tuple[Hole, str, str]]:
    """What is wrong with the `$$$` holes of a text: the hole, a message, and a hint.

    Args:
        pattern: what ``parsed`` replaces; None where it is a pattern itself.
    """
    of_pattern = {each.hole.name: each.role for each in places(pattern)} if pattern else {}
    here = {each.hole: each.role for each in places(parsed)}
    for hole in parsed.holes:
        if not hole.many:
            continue
        role = here.get(hole, HoleRole.ELEMENTS)
        tuples = f", and `({hole},)` for a tuple of them" if pattern else ""
        if role is HoleRole.GROUPED:
            hint = f"write `{hole}` without its parentheses{tuples}"
            yield hole, f"`({hole})` would be one value of the list around it", hint
        elif role is HoleRole.ONE or (role is HoleRole.TUPLE and pattern is None):
            hint = f"write `${hole.name}` for one{tuples}"
            yield hole, f"`{hole}` stands for any number of siblings, where one value does", hint
        elif pattern and hole.name in {each.name for each in pattern.holes}:
            old = of_pattern.get(hole.name, HoleRole.ELEMENTS)
            if _parted(old) is not _parted(role):
                message = f"`{hole}` holds {_parted(old).value} in the pattern"
                yield hole, f"{message}, and {_parted(role).value} stand here", ""


def _parted(role: HoleRole) -> HoleRole:
    return role if role in (HoleRole.STATEMENTS, HoleRole.DECORATORS) else HoleRole.ELEMENTS


def tuples(parsed: Parsed) -> frozenset[str]:
    """Names of the `$$$` holes that stand for a tuple of what they hold."""
    return frozenset(each.hole.name for each in places(parsed) if each.role is HoleRole.TUPLE)
