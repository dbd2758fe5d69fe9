"""Patterns and replacements, compiled: LibCST nodes with the spans of the text as written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from patcher.patchfile import holes, many_holes
from patcher.rewrite.matching.parts import Node, children, statements
from patcher.rewrite.matching.tree import ParsedLines

ATOMIC = (
    cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.SimpleString, cst.FormattedString,
    cst.Float, cst.Imaginary, cst.Ellipsis, cst.List, cst.Dict, cst.Set, cst.ListComp,
    cst.DictComp, cst.SetComp,
)  # fmt: skip
"""Expressions that mean the same with and without parentheses wherever they stand."""


@dataclass(frozen=True, eq=False)
class Pattern:
    """A compiled pattern.

    Attributes:
        text: as written, holes included; offsets of ``tree`` are offsets of it.
        holes: in order of appearance.
        body: its statements; those on one line one by one.
        expression: the node when the pattern is one expression.
        branches: it is written as `elif ...:`; ``body`` has an `if` for each branch.
        tuples: names of the `$$$` holes that stand for a tuple of what they hold.
    """

    text: str
    holes: tuple[holes.Hole, ...]
    tree: ParsedLines
    body: list[Node]
    expression: cst.BaseExpression | None
    entries: frozenset[str] = frozenset()
    branches: bool = False
    tuples: frozenset[str] = frozenset()

    @property
    def has_comments(self) -> bool:
        return holes.has_comments(self.text)

    @property
    def words(self) -> frozenset[str]:
        """Identifiers that any text it matches must contain."""
        return _words(self)


@lru_cache(maxsize=512)
def compile_pattern(text: str, entries: frozenset[str] = frozenset()) -> Pattern:
    """Compile a pattern or replacement; the empty text is a pattern of no statements.

    Args:
        entries: names of `$$$` holes that hold entries of a dict.

    Raises:
        PatternError: it is not Python with holes.
    """
    parsed = holes.parse(text, entries)
    tree = ParsedLines(parsed.text)
    body = statements(tree.module)
    expression = None
    if parsed.is_expression:
        (only,) = body
        assert isinstance(only, cst.Expr)
        expression = only.value
    return Pattern(
        text, parsed.holes, tree, body, expression, parsed.entries, parsed.branches,
        many_holes.tuples(parsed),
    )  # fmt: skip


@lru_cache(maxsize=512)
def _words(pattern: Pattern) -> frozenset[str]:
    result: set[str] = set()

    def visit(node: Node) -> None:
        if isinstance(node, cst.Name) and not node.value.startswith((holes.ONE, "º")):
            result.add(node.value)
        for _, child in children(node):  # LibCST's own would check `a if b else(c)`, and refuse
            visit(child)

    for node in pattern.body:
        visit(node)
    return frozenset(result)
