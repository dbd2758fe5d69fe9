"""Places that look like what a pattern says and are out of its reach: what they are, what to match.

A pattern is an expression or whole statements. A pattern of `case`, an argument with its name, a
parameter and the words of a string are neither; a message that only asks whether the target has
changed would mislead there.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from patcher.patchfile import holes
from patcher.rewrite.matching.deciding import site_at
from patcher.rewrite.matching.pattern import compile_pattern
from patcher.rewrite.matching.search import NOT_EXPRESSIONS
from patcher.rewrite.matching.spans import element_span
from patcher.rewrite.matching.unify import many_hole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from patcher.rewrite.matching.parts import Node
    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.matching.search import Region
    from patcher.rewrite.matching.unify import Matcher
    from patcher.rewrite.outcome import Site

_DEFINITION = "match the whole definition or `lambda`, or its lines with `lines`"
_CALL = "match the whole call or class, or its lines with `lines`"
_CASE = (
    "a pattern of `case`",
    "it is no expression: match the whole `match` statement, or its lines with `lines`",
)
_NAMES = {
    "Attribute": ("the name of an attribute", "match the whole of it, `$X.{name}`"),
    "Arg": ("the name of an argument", _CALL),
    "Param": ("the name of a parameter", _DEFINITION),
    "FunctionDef": ("the name of a definition", _DEFINITION),
    "ClassDef": ("the name of a definition", _DEFINITION),
    "TypeVar": ("the name of a type parameter", _DEFINITION),
    "TypeVarTuple": ("the name of a type parameter", _DEFINITION),
    "ParamSpec": ("the name of a type parameter", _DEFINITION),
    "ImportAlias": ("a name of an import", "match the whole import"),
    "ImportFrom": ("a name of an import", "match the whole import"),
    "AsName of ImportAlias": ("a name of an import", "match the whole import"),
    "NameItem": ("a name of `global` or `nonlocal`", "match the whole statement"),
    "AsName of ExceptHandler": ("the name of an exception", "match the whole `try` statement"),
    "AsName of ExceptStarHandler": ("the name of an exception", "match the whole `try` statement"),
}  # fmt: skip


def name_there(parent: str, field: str, name: Node) -> tuple[str, str]:
    """What a name is that is no expression, and what to match; empty where it is one."""
    if (parent, field) not in NOT_EXPRESSIONS:
        return "", ""
    note, hint = _NAMES.get(parent, _CASE)
    return note, hint.format(name=getattr(name, "value", "NAME"))


def out_of_reach(
    file: File, pattern: Pattern, regions: Sequence[Region]
) -> tuple[Site, str] | None:
    """A place that the pattern would match if it could, and what to match there instead."""
    for text, kinds, note, hint in _forms(pattern):
        try:
            like = compile_pattern(text, pattern.entries)
        except holes.PatternError:
            continue
        sought = next((each for each in _below(like.body[0]) if isinstance(each, kinds)), None)
        if sought is None:
            continue
        for region in regions:
            for _, _, node in region.nodes():
                if type(node) is type(sought) and _like(file.matcher, sought, node):
                    span = element_span(region.tree, node)
                    return replace(site_at(file, *span), note=note), hint
    return None


def _forms(
    pattern: Pattern,
) -> Iterator[tuple[str, type[cst.CSTNode] | tuple[type[cst.CSTNode], ...], str, str]]:
    """The pattern written where it is no expression and no statement, and the node it is there."""
    text = pattern.text.strip()
    if pattern.expression is not None and not isinstance(pattern.expression, cst.Name):
        yield f"match _:\n    case {text}:\n        pass\n", cst.MatchPattern, *_CASE
    starred = text.startswith("*") and pattern.expression is None
    only = pattern.body[0] if len(pattern.body) == 1 else None
    if starred or isinstance(only, cst.Assign):
        yield f"_({text})\n", cst.Arg, "an argument of a call", _CALL
    if starred or isinstance(only, cst.Assign | cst.AnnAssign):
        yield f"def _({text}): pass\n", cst.Param, "a parameter", _DEFINITION


def _like(matcher: Matcher, sought: Node, node: Node) -> bool:
    """Whether a pattern matches; `f($$$A)` is a class pattern with arguments of any kind, too."""
    if isinstance(sought, cst.MatchClass) and isinstance(node, cst.MatchClass):
        arguments = [*sought.patterns, *sought.kwds]
        if len(arguments) == 1 and many_hole(arguments[0]) is not None:
            sought, node = sought.cls, node.cls
    return matcher.match(sought, node) is not None


def _below(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _below(child)


def in_text(file: File, pattern: Pattern, regions: Sequence[Region]) -> tuple[Site, str] | None:
    """Where the words of a pattern stand in a string or a comment, which is text and no code."""
    words = pattern.text.strip()
    if "\n" in words or pattern.holes:
        return None
    sought = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")
    for region in regions:
        if not region.block.statements:
            continue
        start = element_span(region.tree, region.block.statements[0])[0]
        end = element_span(region.tree, region.block.statements[-1])[1]
        text = file.source.text
        for place, what in holes.texts(text, start, file.source.line_end(end)):
            if sought.search(text, *place):
                hint = "code is matched, and not its text: "
                hint += "match the whole string, or its lines with `lines`"
                if what == "comment":
                    hint = "comments are not searched: match the lines with `lines`"
                return replace(site_at(file, *place), note=f"in a {what}"), hint
    return None
