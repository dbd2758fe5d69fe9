"""Patterns on plain trees: matched against a site, replacements filled with what holes hold."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from patcher.rewrite.oracle.reading import Value, canonical

_MOST_STEPS = 400_000
_STATEMENTS = {each.__name__ for each in ast.stmt.__subclasses__()}
_HOLES = ("$", "$s", "$i", "$p")
_DOTTED = ("Name", "Attribute")
_SINGLETONS = {"None": None, "True": "True", "False": "False"}
_LISTS = {
    ("Call", 2): "argument", ("ClassDef", 2): "argument", ("arguments", 1): "parameter",
    ("With", 1): "item", ("AsyncWith", 1): "item", ("Import", 1): "alias",
    ("ImportFrom", 2): "alias",
}  # fmt: skip
"""What stands in a list, by the kind of node and the place of the list in it."""
Bound = dict[str, Value]


class MismatchError(Exception):
    """The pattern does not match where it is said to."""


def is_hole(value: Value, many: bool) -> bool:
    return isinstance(value, tuple) and value[0] in _HOLES and value[2] is many


def has_holes(value: Value) -> bool:
    if isinstance(value, tuple):
        return value[0] in _HOLES or any(map(has_holes, value[1:]))
    return isinstance(value, list) and any(map(has_holes, value))


class Solver:
    """Matches a pattern: every `$$$` hole as short as the rest allows, the first way counts.

    Args:
        plain: what stood where another site's stand-in is.
    """

    def __init__(self, plain: Callable[[Value], Value] = lambda node: node) -> None:
        self.plain, self.steps = plain, 0

    def node(self, pattern: Value, node: Value) -> Bound:
        """What the holes hold. Raises `MismatchError`."""
        result = self._solve(((pattern, node, None), None), {}, [])
        if result is None:
            raise MismatchError("the site is not what the pattern says")
        return result[0]

    def run(self, pattern: list[Value], run: list[Value]) -> tuple[Bound, list[int]]:
        """What the holes hold, and where in the run each element of the pattern ends."""
        result = self._solve(((pattern, run, 0), None), {}, [])
        if result is None:
            raise MismatchError("the statements are not what the pattern says")
        return result

    def _solve(self, tasks: Value, bound: Bound, ends: list[int]) -> tuple[Bound, list[int]] | None:
        while tasks is not None:
            self.steps += 1
            if self.steps > _MOST_STEPS:
                raise MismatchError("the pattern matches in too many ways to check")
            (pattern, node, at), tasks = tasks
            if isinstance(pattern, list):
                if not isinstance(node, list):
                    return None
                if not pattern:
                    if node:
                        return None
                    continue
                first, rest = pattern[0], pattern[1:]
                if not is_hole(first, True):
                    if not node:
                        return None
                    tasks = ((rest, node[1:], None if at is None else at + 1), tasks)
                    tasks = ((first, node[0], None), tasks)
                    if at is not None:
                        ends.append(at + 1)
                    continue
                least = sum(not is_hole(each, True) for each in rest)
                for count in range(len(node) - least + 1):
                    more = dict(bound)
                    if not _bind(more, first[1], node[:count]):
                        continue
                    after = None if at is None else at + count
                    marks = ends if after is None else [*ends, after]
                    result = self._solve(((rest, node[count:], after), tasks), more, list(marks))
                    if result is not None:
                        return result
                return None
            if isinstance(pattern, tuple) and pattern[0] in _HOLES:
                held = _held(pattern, node)
                if held is None or not _bind(bound, pattern[1], held):
                    return None
                continue
            node = self.plain(node)
            if pattern == node:
                continue
            if not isinstance(pattern, tuple) or not isinstance(node, tuple):
                return None
            if pattern[0] != node[0] or len(pattern) != len(node):
                return None
            if pattern[0] == "Subscript" and len(node[2]) > 1 and _is_one(pattern[2]):
                node = (*node[:2], [("Tuple", node[2])])
            for each in zip(reversed(pattern[1:]), reversed(node[1:]), strict=True):
                tasks = ((*each, None), tasks)
        return bound, ends


def _is_one(items: list[Value]) -> bool:
    """Whether a subscript is one hole: a tuple in it is one value."""
    return len(items) == 1 and is_hole(items[0], False)


def _held(hole: Value, node: Value) -> Value | None:
    """What a `$NAME` holds; None where it fits nothing."""
    if hole[2]:
        return None
    if hole[0] == "$i":
        return ("Name", node) if isinstance(node, str) else None
    return node if isinstance(node, tuple) else None


def _bind(bound: Bound, name: str, value: Value) -> bool:
    if name == "_":
        return True
    if name in bound:
        return bool(_bare(bound[name]) == _bare(value))
    bound[name] = value
    return True


def _bare(value: Value) -> Value:
    """What is held, whatever kind of list it stands in."""
    return [*map(_bare, value)] if isinstance(value, list) else as_expression(value)


def blend(pattern: Value, template: Value, node: Value, bound: Bound) -> Value:
    """The replacement at a site: where pattern and template agree, the site's own nodes stay."""
    if pattern == template:
        return node
    if not all(isinstance(each, tuple) for each in (pattern, template, node)):
        return fill(template, bound)
    similar = pattern[0] == template[0] == node[0] and template[0] not in _HOLES
    if not similar or not len(pattern) == len(template) == len(node):
        return fill(template, bound)
    kind = template[0]
    of = enumerate(zip(pattern[1:], template[1:], node[1:], strict=True), 1)
    values = (_blend(*each, bound, _LISTS.get((kind, at), "")) for at, each in of)
    return canonical((kind, *values))


def _blend(pattern: Value, template: Value, node: Value, bound: Bound, where: str) -> Value:
    if pattern == template:
        return node
    if isinstance(template, list) and isinstance(pattern, list) and isinstance(node, list):
        many = any(is_hole(each, True) for each in (*pattern, *template))
        if not many and len(pattern) == len(template) == len(node):
            of = zip(pattern, template, node, strict=True)
            return [_element(blend(*each, bound), where) for each in of]
        return fill_list(template, bound, where)
    return blend(pattern, template, node, bound)


def fill(template: Value, bound: Bound, where: str = "") -> Value:
    """A replacement's node with its holes filled."""
    if isinstance(template, list):
        return fill_list(template, bound, where)
    if not isinstance(template, tuple):
        return template
    if template[0] in _HOLES:
        return _element(_one(template, bound), where)
    kind = template[0]
    values = (
        fill(each, bound, _LISTS.get((kind, at), "")) if each is not None else None
        for at, each in enumerate(template[1:], 1)
    )
    return canonical((kind, *values))


def fill_list(
    template: Sequence[Value], bound: Bound, where: str = "", block: bool = True
) -> list[Value]:
    """A list with its holes filled; a whole block left without statements holds `pass`."""
    result: list[Value] = []
    for each in template:
        if is_hole(each, True):
            held = bound[each[1]]
            result += [_AS[each[0]](item, where) for item in held]
        else:
            result.append(_element(fill(each, bound), where))
    if block and not result and any(each[0] == "$s" for each in template):
        return [("Pass",)]
    return result


def _one(hole: Value, bound: Bound) -> Value:
    held = bound[hole[1]]
    if hole[2]:  # several where one expression stands: `($$$E)`
        return "Tuple", [as_expression(each) for each in held]
    if hole[0] == "$s":
        return as_statement(held)
    if hole[0] == "$i":
        return as_name(held)
    return as_pattern(held) if hole[0] == "$p" else as_expression(held)


def as_statement(value: Value) -> Value:
    if isinstance(value, tuple) and value[0] in _STATEMENTS:
        return value
    return "Expr", as_expression(value)


def as_name(value: Value) -> Value:
    """The text of a name, where that is wanted."""
    value = as_expression(value)
    return value[1] if isinstance(value, tuple) and value[0] == "Name" else value


def as_pattern(value: Value) -> Value:
    """What a constant is as a pattern of `case`. A name would be bound there: it stays one."""
    if value[0] == "Constant" and value[2] in _SINGLETONS:
        return "MatchSingleton", _SINGLETONS[value[2]]
    return ("MatchValue", value) if value[0] in ("Constant", "Attribute", "UnaryOp") else value


def as_expression(value: Value) -> Value:
    """What a list element or a statement is where an expression stands."""
    if isinstance(value, str):  # of `global`
        return "Name", value
    if not isinstance(value, tuple):
        return value
    if value[0] in ("Expr", "MatchValue"):
        return value[1]
    if value[0] == "MatchSingleton":
        return "Constant", "bool" if value[1] else "NoneType", str(value[1])
    if value[0] == "MatchAs" and value[1] is None and value[2]:
        return "Name", value[2]
    if value[0] == "alias" and value[2] is None:
        return value[1]
    if value[0] == "withitem" and value[2] is None:
        return value[1]
    if value[0] == "TypeVar" and not any(value[3:]):
        return "Name", value[1]
    if value[0] == "arg" and not any(value[3:]):
        name = "Name", value[2]
        return {"": name, "*": ("Starred", name), "**": ("pair", None, name)}[value[1]]
    return value


def _element(value: Value, where: str) -> Value:
    """What an element of one list is in another."""
    kind = value[0] if isinstance(value, tuple) else ""
    if where == "parameter":
        return value if kind in ("arg", "/", "*") else _parameter(as_expression(value))
    if where == "argument" and kind == "arg":
        return _argument(value)
    if where == "argument" and kind == "pair" and value[1] is None:
        return "keyword", None, value[2]
    if (where, kind) in (("item", "withitem"), ("alias", "alias")):
        return value
    value = as_expression(value) if where else value
    if where == "item":
        return "withitem", value, None
    return ("alias", value, None) if where == "alias" and value[0] in _DOTTED else value


def _parameter(value: Value) -> Value:
    if value[0] == "Name":
        return "arg", "", value[1], None, None
    if value[0] == "Starred" and value[1][0] == "Name":
        return "arg", "*", value[1][1], None, None
    if value[0] == "keyword" and value[1]:
        return "arg", "", value[1], None, value[2]
    if value[0] in ("keyword", "pair") and value[1] is None and value[2][0] == "Name":
        return "arg", "**", value[2][1], None, None
    return value


def _argument(value: Value) -> Value:
    _, star, name, annotation, default = value
    if star == "*":
        return "Starred", ("Name", name)
    if star == "**" or default:
        return "keyword", None if star else name, default or ("Name", name)
    return ("Name", name) if annotation is None else value


_AS: dict[str, Callable[[Value, str], Value]] = {
    "$s": lambda value, where: as_statement(value),
    "$p": lambda value, where: as_pattern(value),
    "$i": lambda value, where: as_name(value),
    "$": lambda value, where: _element(value if where else as_expression(value), where),
}
"""What a value is in a list, by the kind of hole."""
