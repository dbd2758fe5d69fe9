"""What an element of a list is by itself, so that holes in lists of two kinds compare."""

from __future__ import annotations

import libcst as cst


def bare(node: cst.CSTNode) -> cst.CSTNode:
    """What an element of a list is by itself: the value of an argument, an item, a statement."""
    if isinstance(node, cst.Arg):
        return node if node.keyword or node.star else node.value
    if isinstance(node, cst.WithItem):
        return node if node.asname else node.item
    if isinstance(node, cst.ImportAlias):
        return node if node.asname else node.name
    if isinstance(node, cst.Param):
        plain = not (node.annotation or node.default or node.star)
        return node.name if plain else node
    if isinstance(node, cst.SubscriptElement | cst.MatchSequenceElement):
        return bare(node.slice if isinstance(node, cst.SubscriptElement) else node.value)
    if isinstance(node, cst.Index):
        return node if node.star else node.value
    if isinstance(node, cst.MatchAs):
        return node.name if node.name is not None and node.pattern is None else node
    if isinstance(node, cst.Expr | cst.Element | cst.MatchValue | cst.MatchSingleton):
        return node.value
    return node.name if isinstance(node, cst.NameItem) else node
