"""Expressions inside f-strings, found by their place in the text.

Before Python 3.12 `ast` gives wrong places to what stands in an f-string: those of other lines, or
of the first equal text. So the text is read here: fields are counted, the n-th one is the n-th of
the tree, and its expression, parsed by itself, tells which of its nodes is meant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from patcher.patchfile.python import parse_python
from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.sites import Lines, Place, Span, find_expression, in_pairs, span_of

_OPENING = re.compile(r"((?i:[rf]{2}|[rt]{2}|[rb]{2}|[rbuft])?)(\"{3}|'{3}|\"|')")
_WORD = re.compile(r"\w+")
_COMMENT = re.compile(r"#[^\r\n]*")
_CONVERSION = re.compile(r"!\s*\w+\s*")
_BETWEEN = re.compile(r"(?:\s|\\|#[^\r\n]*)*")
_NAMED = re.compile(r"\\N\{[^}]*\}")
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@dataclass(frozen=True)
class _Field:
    """Where the expression of a replacement field stands in a text."""

    start: int
    end: int


def find_in_string(tree: ast.AST, lines: Lines, span: Span) -> tuple[ast.expr, Span] | None:
    """The expression at a span that lies in an f-string, and the span of the whole string.

    Raises:
        MismatchError: the text cannot be read as the tree has it.
    """
    string = _string_around(tree, span)
    place = span_of(string) if string is not None else None
    if string is None or place is None:
        return None
    low = len(lines.text(place[0], span[0]))
    high = low + len(lines.text(*span))
    text = lines.text(*place)
    fields, nodes = list(_fields_of(text)), list(_nodes_of(string))
    if len(fields) != len(nodes):
        raise MismatchError(f"the fields of the f-string at line {place[0][0]} cannot be told")
    for field, node in zip(fields, nodes, strict=True):
        if field.start <= low and high <= field.end:
            result = _inside(text[field.start : field.end], low - field.start,
                            high - field.start, node)  # fmt: skip
            return None if result is None else (result, place)
    return None


def _string_around(tree: ast.AST, span: Span) -> ast.JoinedStr | None:
    """The outermost f-string around a span: the places of that one are right."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        place = span_of(node)
        around = place is None or (place[0] <= span[0] and span[1] <= place[1])
        if isinstance(node, ast.JoinedStr):
            if around:
                return node
            continue
        if around or getattr(node, "decorator_list", None):
            waiting += ast.iter_child_nodes(node)
    return None


def _nodes_of(string: ast.JoinedStr) -> Iterator[ast.expr]:
    """The expressions of an f-string's fields; those of a format after the field's own."""
    for each in string.values:
        if isinstance(each, ast.FormattedValue):
            yield each.value
            if isinstance(each.format_spec, ast.JoinedStr):
                yield from _nodes_of(each.format_spec)


def _inside(text: str, low: int, high: int, node: ast.expr) -> ast.expr | None:
    """The node below ``node`` that stands at ``low`` to ``high`` of its text."""
    before = "(\n"
    code = f"{before}{text}\n)"
    (statement,) = parse_python(code).body
    alone = statement.value if isinstance(statement, ast.Expr) else ast.Constant(None)
    if ast.dump(alone) != ast.dump(node):
        alone = in_pairs(alone)  # as the whole tree is read for patterns such as `a and b`
    if ast.dump(alone) != ast.dump(node):
        raise MismatchError("the expression in the f-string cannot be told")
    if text[low:high].strip() == text.strip():
        return node  # a tuple would take the parentheses put around it for its own
    lines = Lines(code)
    span = _place(code, len(before) + low), _place(code, len(before) + high)
    result = find_expression(alone, span)
    if result is None:
        deeper = find_in_string(alone, lines, span)
        result = deeper and deeper[0]
    for each, other in zip(ast.walk(alone), ast.walk(node), strict=True):
        if each is result and isinstance(other, ast.expr):
            return other
    return None


def _place(code: str, offset: int) -> Place:
    """Line and column of an offset, as `ast` counts."""
    lines = re.split(r"\r\n|\r|\n", code[:offset])
    return len(lines), len(lines[-1].encode())


# reading the text -----------------------------------------------------------------------------


def _fields_of(text: str) -> Iterator[_Field]:
    """The fields of strings that stand side by side, in the order of the text."""
    at = 0
    while at < len(text):
        opening = _OPENING.match(text, at)
        if opening is None:
            raise MismatchError("the f-string cannot be read")
        fields: list[_Field] = []
        at = _string(text, opening, fields)
        yield from fields
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at


def _string(text: str, opening: re.Match[str], fields: list[_Field]) -> int:
    """Where a string ends that opens there; its fields are added to ``fields``."""
    prefix, quote = opening[1].lower(), opening[2]
    at = opening.end()
    while not text.startswith(quote, at):
        if at >= len(text):
            raise MismatchError("the f-string has no end")
        if "f" in prefix or "t" in prefix:
            at = _piece(text, at, "r" in prefix, fields)
        else:
            at += 2 if text[at] == "\\" else 1
    return at + len(quote)


def _piece(text: str, at: int, raw: bool, fields: list[_Field]) -> int:
    """Where one character of an f-string, or a field of it, ends."""
    if text.startswith(("{{", "}}"), at):
        return at + 2
    if text[at] == "{":
        return _field(text, at + 1, raw, fields)
    if text[at] != "\\":
        return at + 1
    named = _NAMED.match(text, at) if not raw else None
    if named:
        return named.end()
    return at + (1 if text.startswith(("{", "}"), at + 1) else 2)


def _field(text: str, start: int, raw: bool, fields: list[_Field]) -> int:
    """Where a field ends whose expression starts there."""
    at = _expression(text, start)
    end = at
    head = text[start:at].rstrip()
    if head.endswith("=") and not head.endswith(("==", "!=", "<=", ">=")):
        end = start + len(head) - 1
    fields.append(_Field(start, end))
    conversion = _CONVERSION.match(text, at)
    at = conversion.end() if conversion else at
    if text.startswith(":", at):
        at += 1
        while not text.startswith("}", at):
            if at >= len(text):
                raise MismatchError("a field of the f-string has no end")
            at = _field(text, at + 1, raw, fields) if text[at] == "{" else at + 1
    if not text.startswith("}", at):
        raise MismatchError("a field of the f-string cannot be read")
    return at + 1


def _expression(text: str, at: int) -> int:
    """Where the expression of a field ends: at its `!`, `:` or `}`."""
    depth = 0
    while at < len(text):
        opening = _OPENING.match(text, at)
        if opening is not None:
            at = _string(text, opening, [])
            continue
        skipped = _WORD.match(text, at) or _COMMENT.match(text, at)
        if skipped is not None:
            at = skipped.end()
            continue
        if depth == 0 and (text[at] in ":}" or (text[at] == "!" and not text.startswith("!=", at))):
            return at
        depth += _BRACKETS.get(text[at], 0)
        at += 1
    raise MismatchError("a field of the f-string has no end")
