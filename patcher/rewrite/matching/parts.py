"""What of a LibCST node counts when code is compared: everything that is not formatting."""

from __future__ import annotations

import ast
import warnings
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Node = cst.CSTNode

_FORMATTING = {
    "lpar", "rpar", "lbracket", "rbracket", "lbrace", "rbrace", "comma", "trailing_comma",
    "semicolon", "equal", "dot", "colon", "first_colon", "second_colon", "separator",
    "leading_lines", "lines_after_decorators", "header", "footer", "indent",
    "leading_whitespace", "posonly_ind", "trailing_whitespace", "default_indent",
    "default_newline", "encoding", "has_trailing_newline",
}  # fmt: skip


@cache
def _fields(kind: type[Node]) -> tuple[str, ...]:
    return tuple(
        each.name
        for each in fields(kind)
        if each.name not in _FORMATTING and not each.name.startswith("whitespace")
    )


def statements(block: Node) -> list[Node]:
    """The statements of a block; those that share a line come one by one."""
    result: list[Node] = []
    for statement in block.body:  # type: ignore[attr-defined]
        if type(statement) is cst.SimpleStatementLine:
            result += statement.body
        else:
            result.append(statement)
    return result


def parts(node: Node) -> list[tuple[str, Any]]:
    """What of a node counts: (name, value) with node, list of nodes, or plain value."""
    return _reader(type(node))(node)


@cache  # what LibCST's classes derive from is slow to ask, and asked of every node
def _reader(kind: type[Node]) -> Callable[[Any], list[tuple[str, Any]]]:
    """How nodes of a class are read."""
    if issubclass(kind, cst.IndentedBlock | cst.SimpleStatementSuite | cst.Module):
        return lambda node: [("body", statements(node))]
    if issubclass(kind, cst.SimpleString):
        return lambda node: [("value", _literal(node.value))]
    if issubclass(kind, cst.Parameters):
        return lambda node: [("params", _parameters(node))]
    if issubclass(kind, cst.FormattedString) or kind.__name__ == "TemplatedString":
        return lambda node: [
            ("text", cst.Module([]).code_for_node(node.with_changes(lpar=[], rpar=[])))
        ]
    if issubclass(kind, cst.ClassDef):
        names = tuple(name for name in _fields(kind) if name not in ("bases", "keywords"))
        return lambda node: [*_read(node, names), ("bases", [*node.bases, *node.keywords])]
    names = _fields(kind)
    if issubclass(kind, cst.Del):
        return lambda node: _deleted(node) or _read(node, names)
    if issubclass(kind, cst.Subscript):
        return lambda node: [*_read(node, names), ("one_tuple", is_one_tuple(node))]
    return lambda node: _read(node, names)


def _read(node: Node, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    return [(name, getattr(node, name)) for name in names]


def _deleted(node: cst.Del) -> list[tuple[str, Any]] | None:
    """`del a,` is `del a`; None for what is no such tuple."""
    target = node.target
    if isinstance(target, cst.Tuple) and len(target.elements) == 1 and not target.lpar:
        return [("target", target.elements[0].value)]
    return None


def is_one_tuple(node: cst.Subscript) -> bool:
    """Whether a subscript is a tuple of one value, as in `x[a,]`: there a comma counts."""
    return len(node.slice) == 1 and isinstance(node.slice[0].comma, cst.Comma)


def _literal(code: str) -> str:
    """The value of a plain string: `'a'` and `"a"` are one; what cannot be read stays text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "=" + repr(ast.literal_eval(code))
    except (ValueError, SyntaxError):
        return code


def _parameters(node: cst.Parameters) -> list[Node]:
    """All parameters in order, with the `/` and `*` that stand alone."""
    result: list[Node] = [*node.posonly_params]
    if node.posonly_params:
        result.append(
            cst.ParamSlash() if not isinstance(node.posonly_ind, Node) else node.posonly_ind
        )
    result += node.params
    if isinstance(node.star_arg, Node):
        result.append(node.star_arg)
    result += node.kwonly_params
    if node.star_kwarg is not None:
        result.append(node.star_kwarg)
    return result


def children(node: Node) -> Iterator[tuple[str, Node]]:
    """Nodes right below, with the name of the field they are in."""
    for name, value in parts(node):
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if is_a(each, Node):
                yield name, each


def is_a(value: object, kind: Any) -> bool:
    """As `isinstance`, remembered by class: LibCST's are slow to ask."""
    own: Any = type(value)
    return _derives(own, kind)


@cache
def _derives(kind: type[object], other: Any) -> bool:
    return issubclass(kind, other)
