"""Which characters of a source a node takes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from patcher.rewrite.matching.parts import Node

if TYPE_CHECKING:
    from patcher.rewrite.matching.tree import ParsedLines

_AFTER_ELEMENT = ("comma", "whitespace_after_arg", "whitespace_after_param", "whitespace_after")


def is_element(node: object) -> bool:
    """Whether a node stands in a list whose commas belong to its elements.

    An `assert` has a comma too, before its message: that one is inside the statement.
    """
    return hasattr(node, "comma") and not isinstance(node, cst.BaseSmallStatement)


def element_span(tree: ParsedLines, node: Node) -> tuple[int, int]:
    """Span of a node without the comma, comment or white space that follows it in a list."""
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        start, end = tree.inner(node)
        return (tree.inner(node.decorators[0])[0] if node.decorators else start), end
    if not is_element(node):
        return tree.outer(node)
    start, end = tree.whole(node)
    for name in _AFTER_ELEMENT:
        follows = getattr(node, name, None)
        if isinstance(follows, Node):
            end = min(end, tree.whole(follows)[0])
    return start, end
