"""What a replacement needs where it goes: values in a `case`, names in an import, real tuples.

Python would read the text without a word, as something else than the replacement says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import libcst as cst
from libcst import MaybeSentinel

from patcher.patchfile.holes import ONE, with_holes
from patcher.rewrite.matching.bare import bare
from patcher.rewrite.matching.parts import Node, children, is_one_tuple
from patcher.rewrite.matching.unify import many_hole, one_hole
from patcher.rewrite.replacing.places import CannotReplaceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.search import MatchedSite

N = TypeVar("N", bound=Node)
_VALUES = (
    cst.SimpleString, cst.ConcatenatedString, cst.Integer, cst.Float, cst.Imaginary, cst.Attribute,
)  # fmt: skip


_OF_CASE = (
    cst.MatchPattern, cst.MatchStar, cst.MatchMappingElement, cst.MatchKeywordElement,
    cst.MatchOrElement,
)  # fmt: skip


def need_value(template: Pattern) -> None:
    """Raises `CannotReplaceError` for what a `case` would not take for a value."""
    if template.expression is None or _is_value(template.expression):
        return
    message = f"`{template.text.strip()}` would be a pattern of `case`, and not a value"
    raise CannotReplaceError(message, "match the whole `match` statement")


def need_values(site: MatchedSite, template: Pattern) -> None:
    """The same for what holes put into a `case` of the replacement, or take out of one."""
    places = list(_holes(template.body))
    cases = {name for name, in_case in places if in_case}
    elsewhere = {name for name, in_case in places if not in_case}
    code = site.tree.module.code_for_node
    for hole in template.holes:
        for node in map(_inner, site.match.bound.get(hole.name, ())):
            of_case = isinstance(node, _OF_CASE)
            if hole.name in cases and not of_case and not _is_value(node):
                message = f"`{hole}` holds `{code(node)}`, which would be a pattern of `case`"
                hint = f"compare it in a guard: `case _ if ... == ${hole.name}:`"
                raise CannotReplaceError(f"{message}, and not a value", hint)
            if hole.name in elsewhere and of_case and not _names(node):
                message = (
                    f"`{hole}` holds `{code(node)}`, a pattern of `case` and elsewhere no value"
                )
                raise CannotReplaceError(message, "write out what shall be there")


def need_tuples(site: MatchedSite, template: Pattern) -> None:
    """Raises `CannotReplaceError` where what holes hold would be no tuple, or one by a comma."""

    def count(node: Node) -> int:
        name = many_hole(node)
        return 1 if name is None else len(site.match.bound.get(name, ()))

    for hole in template.holes:
        if hole.name in template.tuples and len(site.match.bound.get(hole.name, ())) == 1:
            message = f"`{hole}` holds one value here, which would be no tuple"
            raise CannotReplaceError(message, f"write `({hole},)`")
    for pair in _below(template.body, cst.Tuple):
        left, comma = sum(map(count, pair.elements)), [each.comma for each in pair.elements][-1:]
        if left == 1 < len(pair.elements) and not isinstance(comma[0], cst.Comma):
            message = f"`{_text(template, pair)}` would be no tuple here: one value is left"
            raise CannotReplaceError(message, "end it with a comma")
        if not left and pair.elements and not pair.lpar:
            message = f"nothing would be left of `{_text(template, pair)}` here"
            raise CannotReplaceError(message, "put it in parentheses")
    for each in _below(template.body, cst.Subscript):
        hole_there = many_hole(each.slice[0])
        if is_one_tuple(each) and hole_there and count(each.slice[0]) == 1:
            message = f"`{_text(template, each)}` would have a tuple of one value, for its comma"
            raise CannotReplaceError(message, f"write `[($$${hole_there},)]`, or leave it out")


def _text(template: Pattern, node: Node) -> str:
    return with_holes(template.tree.module.code_for_node(node)).strip()


def need_elements(site: MatchedSite, template: Pattern) -> None:
    """Raises `CannotReplaceError` where `a: b` of a parameter or a dict would be another one."""
    for each in _nodes(template.body):
        name = many_hole(each)
        for held in site.match.bound.get(name, ()) if name else ():
            annotated = isinstance(held, cst.Param) and held.annotation is not None
            strays = annotated and not isinstance(each, cst.Param)
            in_dict = isinstance(each, cst.StarredDictElement | cst.StarredElement)
            strays = strays or (isinstance(held, cst.DictElement) and not in_dict)
            if strays and not isinstance(each, cst.Name):
                text = site.tree.module.code_for_node(
                    held.with_changes(comma=MaybeSentinel.DEFAULT)
                )
                message = f"`$$${name}` holds `{text}`, which would mean something else here"
                raise CannotReplaceError(message, "write out what shall be there")


def need_names(site: MatchedSite, template: Pattern) -> None:
    """Raises `CannotReplaceError` where something else than a name would be one."""
    imported = [each.name for each in _below(template.body, cst.ImportAlias)]
    members = [each.attr for each in _below(template.body, cst.Attribute)]
    dotted = cst.Attribute, cst.ImportAlias
    for places, also in ((imported, dotted), (members, ())):
        for place in places:
            name = one_hole(place)
            for held in site.match.bound.get(name, ()) if name else ():
                inner = bare(held)
                if not isinstance(inner, (cst.Name, *also)):
                    text = site.tree.module.code_for_node(inner)
                    message = f"`${name}` holds `{text}`, which is no name"
                    raise CannotReplaceError(message, "write out what shall be there")


def _nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _nodes(below for _, below in children(node))


def _below(nodes: Iterable[Node], kind: type[N]) -> Iterator[N]:
    return (node for node in _nodes(nodes) if isinstance(node, kind))


def _inner(node: Node) -> Node:
    """What an element of a list is by itself; with a star or a name before it, it is all of it."""
    if isinstance(node, cst.Element | cst.MatchSequenceElement):
        return node.value
    if isinstance(node, cst.Arg) and node.keyword is None and not node.star:
        return node.value
    return node


def _names(pattern: Node) -> bool:
    """Whether a pattern of `case` is written as a value is: a constant, or a name."""
    if isinstance(pattern, cst.MatchAs):
        return pattern.pattern is None and pattern.name is not None
    return isinstance(pattern, cst.MatchValue | cst.MatchSingleton)


def _is_value(node: Node) -> bool:
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        node = node.expression
    constant = isinstance(node, cst.Name) and node.value in ("None", "True", "False")
    return constant or isinstance(node, _VALUES)


def _holes(nodes: Iterable[Node]) -> Iterator[tuple[str, bool]]:
    """Names of holes, and whether each stands where a name in a `case` is bound."""
    for node in nodes:
        if isinstance(node, cst.MatchAs | cst.MatchStar) and isinstance(node.name, cst.Name):
            name: Node = node.name
            in_case = getattr(node, "pattern", None) is None
        else:
            name, in_case = node, False
        if isinstance(name, cst.Name) and name.value.startswith((ONE, "º")):
            yield name.value.lstrip(ONE + "º"), in_case
        if name is node or not in_case:
            yield from _holes(below for _, below in children(node))
