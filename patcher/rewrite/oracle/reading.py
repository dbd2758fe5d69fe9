"""Syntax trees as plain values: what counts of `ast`, in the order of the text.

A node is a tuple of its kind and its values; a list of nodes is a list; a name is a text. `Load`
and `Store`, positions, and the quotes and pieces of strings do not count. Read as a pattern, a tree
holds `("$", name, many)` where a node may stand, `("$s", ...)` where a statement may,
`("$i", ...)` where a name may, and `("$p", ...)` where a pattern of `case` may.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from patcher.patchfile import holes

Value = Any
"""A node (tuple), a list of values, a name (str) or None."""

_LEFT_OUT = {"ctx", "type_comment", "type_ignores", "kind", "simple"}
_ONE, _MANY = "\u03bc", "\u03bc\u03bc\u03bc"  # what Python makes of the stand-ins of holes
_STARRED = "\u03bc\u03bc"


_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    known = _FIELDS.get(kind)
    if known is None:
        known = _FIELDS[kind] = tuple(name for name in kind._fields if name not in _LEFT_OUT)
    return known


def chain(dotted: str, name: Callable[[str], Value] = lambda text: ("Name", text)) -> Value:
    """A dotted name as the attributes it looks like."""
    first, *rest = dotted.split(".")
    value: Value = name(first)
    for each in rest:
        value = ("Attribute", value, each)
    return value


class Reader:
    """Reads `ast` nodes.

    Args:
        pattern: whether names may be holes; ``entries`` names those of dict entries.
        nodes: what stands for a node, by its id.
        lists: what stands for the elements of a list, by the list's id.
    """

    def __init__(
        self,
        pattern: bool = False,
        entries: frozenset[str] = frozenset(),
        nodes: Mapping[int, Value] | None = None,
        lists: Mapping[int, Callable[[Sequence[ast.AST]], list[Value]]] | None = None,
    ) -> None:
        self.pattern, self.entries = pattern, entries
        self.nodes, self.lists = nodes or {}, lists or {}

    def node(self, node: ast.AST) -> Value:
        """One node; what ``nodes`` says of it comes first."""
        known = self.nodes.get(id(node))
        return self.plain(node) if known is None else known

    def plain(self, node: ast.AST) -> Value:
        """One node as it is, what is below it as `node` says."""
        special = _SPECIAL.get(type(node))
        if special is not None:
            return special(self, node)
        return self.all_fields(node)

    def all_fields(self, node: ast.AST) -> Value:
        kind = type(node)
        return (kind.__name__, *(self.value(getattr(node, each, None)) for each in _fields(kind)))

    def value(self, value: Any) -> Value:
        if isinstance(value, ast.AST):
            return self.node(value)
        if isinstance(value, list):
            return self.items(value)
        if isinstance(value, str):
            return self.name(value)
        return value if value is None else repr(value)

    def items(self, values: Sequence[Any]) -> list[Value]:
        special = self.lists.get(id(values))
        if special is not None:
            return special(values)
        return [self.value(each) for each in values]

    def name(self, text: str) -> Value:
        hole = self.hole(text)
        return text if hole is None else ("$i", *hole)

    def hole(self, text: str) -> tuple[str, bool] | None:
        """Name of the hole that a name stands for, and whether it takes many."""
        if not self.pattern or not text.startswith(_ONE):
            return None
        if text.startswith(_MANY):
            return text[3:], True
        return (text[2:], True) if text.startswith(_STARRED) else (text[1:], False)


@lru_cache(maxsize=512)
def read_pattern(text: str, like: str = "") -> list[Value]:
    """The statements of a pattern, or of a replacement for ``like``."""
    entries = holes.parse(like).entries if like.strip() else ()
    parsed = holes.parse(text, entries)
    return Reader(True, parsed.entries).items(parsed.tree.body)


@lru_cache(maxsize=512)
def is_branches(text: str) -> bool:
    """Whether a pattern is written as `elif ...:`."""
    return holes.parse(text).branches


@lru_cache(maxsize=512)
def read_expression(text: str, like: str = "") -> Value | None:
    """The expression that a pattern is; None when it is statements."""
    if not text.strip() or not holes.parse(text).is_expression:
        return None
    (only,) = read_pattern(text, like)
    return ("$", *only[1:]) if only[0] == "$s" else only[1]


def canonical(node: Value) -> Value:
    """The one way to say what can be said in two, and `{$$$A}` for what its holes hold."""
    if node[0] == "Set" and (not node[1] or any(each[0] == "pair" for each in node[1])):
        return "Dict", node[1]
    if node[0] == "Subscript":
        items = node[2]
        if len(items) == 1 and isinstance(items[0], tuple):
            if items[0][0] == "Starred":
                return (*node[:2], [("Tuple", items)])
            if items[0][0] == "Tuple" and len(items[0][1]) > 1:
                return (*node[:2], items[0][1])
    return node


def _constant(reader: Reader, node: Any) -> Value:
    return "Constant", type(node.value).__name__, repr(node.value)


def _name(reader: Reader, node: Any) -> Value:
    hole = reader.hole(node.id)
    return ("Name", node.id) if hole is None else ("$", *hole)


def _starred(reader: Reader, node: Any) -> Value:
    if isinstance(node.value, ast.Name):
        hole = reader.hole(node.value.id)
        if hole is not None and hole[1]:
            return "$", *hole
    return "Starred", reader.node(node.value)


def _statement(reader: Reader, node: Any) -> Value:
    value = reader.node(node.value)
    return ("$s", *value[1:]) if value[0] == "$" else ("Expr", value)


def _bool_op(reader: Reader, node: Any) -> Value:
    first, *rest = (reader.node(each) for each in node.values)
    kind = type(node.op).__name__
    for each in rest:
        first = ("BoolOp", kind, first, each)
    return first


def _compare(reader: Reader, node: Any) -> Value:
    pairs = zip(node.ops, node.comparators, strict=True)
    rest = [("Comparison", type(op).__name__, reader.node(value)) for op, value in pairs]
    return "Compare", reader.node(node.left), rest


def _arguments_of(reader: Reader, positional: list[ast.expr], keywords: list[ast.keyword]) -> Any:
    result: list[Any] = [*positional, *keywords]
    if keywords and any(isinstance(each, ast.Starred) for each in positional):
        # Only `*a` may follow a keyword; places inside an f-string can be wrong before Python 3.12.
        result.sort(key=lambda each: (each.lineno, each.col_offset))
    return [reader.node(each) for each in result]


def _keyword(reader: Reader, node: Any) -> Value:
    if (
        node.arg is None
        and isinstance(node.value, ast.Name)
        and node.value.id[1:] in reader.entries
    ):
        return "$", node.value.id[1:], True  # behind a `**` nothing else can stand
    return reader.all_fields(node)


def _call(reader: Reader, node: Any) -> Value:
    return "Call", reader.node(node.func), _arguments_of(reader, node.args, node.keywords)


def _class(reader: Reader, node: Any) -> Value:
    return (
        "ClassDef", reader.name(node.name), _arguments_of(reader, node.bases, node.keywords),
        reader.items(node.body), reader.items(node.decorator_list),
        reader.items(getattr(node, "type_params", [])),
    )  # fmt: skip


def _parameters(reader: Reader, node: ast.arguments) -> Value:
    result: list[Value] = []

    def add(each: ast.arg, star: str, default: ast.expr | None) -> None:
        annotation = each.annotation and reader.node(each.annotation)
        value = default and reader.node(default)
        entries = star == "**" and each.arg[1:] in reader.entries
        hole = (each.arg[1:], True) if entries else reader.hole(each.arg)
        if hole is not None and hole[1] and annotation is None and value is None:
            result.append(("$", *hole))
        else:
            result.append(("arg", star, reader.name(each.arg), annotation, value))

    positional = [*node.posonlyargs, *node.args]
    defaults = [None] * (len(positional) - len(node.defaults)) + list(node.defaults)
    for index, (each, default) in enumerate(zip(positional, defaults, strict=True), 1):
        add(each, "", default)
        if index == len(node.posonlyargs):
            result.append(("/",))
    if node.vararg is not None:
        add(node.vararg, "*", None)
    elif node.kwonlyargs:
        result.append(("*",))
    for each, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        add(each, "", default)
    if node.kwarg is not None:
        add(node.kwarg, "**", None)
    return "arguments", result


def _dict(reader: Reader, node: Any) -> Value:
    result = []
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None and isinstance(value, ast.Name) and value.id[1:] in reader.entries:
            result.append(("$", value.id[1:], True))
        else:
            result.append(("pair", key and reader.node(key), reader.node(value)))
    return "Dict", result


def _subscript(reader: Reader, node: Any) -> Value:
    inside = node.slice
    several = (
        isinstance(inside, ast.Tuple)
        and id(inside) not in reader.nodes
        and (len(inside.elts) > 1 or any(isinstance(each, ast.Starred) for each in inside.elts))
    )
    items = reader.items(inside.elts) if several else [reader.node(inside)]
    if len(items) == 1 and items[0][0] == "Starred":
        items = [("Tuple", items)]
    return "Subscript", reader.node(node.value), items


def _delete(reader: Reader, node: Any) -> Value:
    if len(node.targets) > 1:
        return "Delete", ("Tuple", reader.items(node.targets))
    return "Delete", reader.node(node.targets[0])


def _dotted(reader: Reader, text: str) -> Value:
    def first(name: str) -> Value:
        hole = reader.hole(name)
        return ("Name", name) if hole is None else ("$", *hole)

    return chain(text, first)


def _alias(reader: Reader, node: Any) -> Value:
    name = _dotted(reader, node.name)
    if name[0] == "$" and name[2] and node.asname is None:
        return name
    return "alias", name, node.asname and reader.name(node.asname)


def _import_from(reader: Reader, node: Any) -> Value:
    module = node.module and _dotted(reader, node.module)
    return "ImportFrom", module, reader.items(node.names), repr(node.level)


def _with_item(reader: Reader, node: Any) -> Value:
    value = reader.node(node.context_expr)
    if value[0] == "$" and value[2] and node.optional_vars is None:
        return value
    return "withitem", value, node.optional_vars and reader.node(node.optional_vars)


def _match_as(reader: Reader, node: Any) -> Value:
    hole = reader.hole(node.name) if node.pattern is None and node.name else None
    return reader.all_fields(node) if hole is None else ("$p", *hole)


def _match_star(reader: Reader, node: Any) -> Value:
    hole = reader.hole(node.name) if node.name else None
    return reader.all_fields(node) if hole is None or not hole[1] else ("$p", *hole)


def _match_class(reader: Reader, node: Any) -> Value:
    pairs = zip(node.kwd_attrs, node.kwd_patterns, strict=True)
    named = [("kwd", reader.name(name), reader.node(each)) for name, each in pairs]
    return "MatchClass", reader.node(node.cls), reader.items(node.patterns), named


def _match_mapping(reader: Reader, node: Any) -> Value:
    pairs = zip(node.keys, node.patterns, strict=True)
    result = [("pair", reader.node(key), reader.node(each)) for key, each in pairs]
    return "MatchMapping", result, node.rest and reader.name(node.rest)


def _type_parameter(reader: Reader, node: Any) -> Value:
    hole = reader.hole(node.name)
    plain = not any(getattr(node, each, None) for each in ("bound", "default_value"))
    return ("$", *hole) if hole is not None and hole[1] and plain else reader.all_fields(node)


_SPECIAL: dict[type[ast.AST], Callable[[Reader, Any], Value]] = {
    ast.Constant: _constant, ast.Name: _name, ast.Starred: _starred, ast.Expr: _statement,
    ast.BoolOp: _bool_op, ast.Compare: _compare, ast.keyword: _keyword, ast.Call: _call,
    ast.ClassDef: _class,
    ast.arguments: _parameters, ast.Dict: _dict, ast.Subscript: _subscript,
    ast.Delete: _delete, ast.alias: _alias, ast.ImportFrom: _import_from,
    ast.withitem: _with_item, ast.MatchAs: _match_as, ast.MatchStar: _match_star,
    ast.MatchClass: _match_class, ast.MatchMapping: _match_mapping,
}  # fmt: skip
for _kind in ("TypeVar", "TypeVarTuple", "ParamSpec"):
    if hasattr(ast, _kind):
        _SPECIAL[getattr(ast, _kind)] = _type_parameter
