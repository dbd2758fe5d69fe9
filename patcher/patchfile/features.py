"""Syntax by the Python that brought it: what an older one does not read, and what it is called.

`ast` reads what the Python that runs reads, and its errors of newer syntax are any. LibCST has a
grammar of its own, which knows all of it. It is imported when there is something to name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

Version = tuple[int, int]
HERE: Version = sys.version_info[:2]
_NEW = re.compile(
    r"""\b(?:except|match|type)\b | \b(?:def|class)\s+\w+\s*\[ | @ | \bwith\s*\( | :=
      | [\[,:]\s*\* | \bin\s+\* | (?i:\b[rft]{1,2}['"])""",
    re.VERBOSE,
)
"""Whatever newer syntax a text holds, it holds one of these."""


@dataclass(frozen=True, order=True)
class Feature:
    """A piece of syntax: the first version that reads it, what it is, and its line (from 1)."""

    since: Version
    name: str
    line: int

    def unread(self, version: Version = HERE) -> str:
        """What an older version says of it."""
        return f"Python {text_of(version)} does not read {self.name} (new in {text_of(self.since)})"

    @property
    def hint(self) -> str:
        """What to do when patcher itself runs on an older version."""
        return f"run patcher on Python {text_of(self.since)} or later"


def text_of(version: Version) -> str:
    """``3.12``"""
    return ".".join(map(str, version))


def may_be_new(text: str) -> bool:
    """Whether a text may hold syntax newer than Python 3.8; the answer costs next to nothing."""
    return _NEW.search(text) is not None


def too_new(text: str, version: Version = HERE) -> Feature | None:
    """The first syntax of a text that a version does not read; None when that is not why.

    A text that is not Python by any version holds none.
    """
    if not may_be_new(text):
        return None
    result = [each for each in features(text) if each.since > version]
    return min(result, key=lambda each: each.line, default=None)


def features(text: str) -> list[Feature]:
    """All syntax of a text that came after Python 3.8; empty when it is not Python."""
    import libcst as cst
    from libcst.metadata import MetadataWrapper, PositionProvider

    try:
        module = cst.parse_module(text)
    except Exception:  # the native parser raises several kinds
        return []
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    places = wrapper.resolve(PositionProvider)
    result: list[Feature] = []
    waiting: list[cst.CSTNode] = [wrapper.module]
    while waiting:
        node = waiting.pop()
        line = places[node].start.line if node in places else 1
        result += [Feature(since, name, line) for since, name in _of(node)]
        waiting += _children(node)
    return sorted(result)


def _of(node: cst.CSTNode) -> Iterator[tuple[Version, str]]:
    """What of a node's own syntax is newer than Python 3.8."""
    import libcst as cst

    kind = type(node).__name__
    if kind in _KINDS:
        yield _KINDS[kind]
    if isinstance(node, cst.With) and isinstance(node.lpar, cst.LeftParen):
        if len(node.items) == 1 and node.items[0].asname is None:
            return  # these are its own
        yield (3, 9), "`with` items in parentheses"
    elif isinstance(node, cst.Decorator) and not _is_plain(node.decorator):
        yield (3, 9), "a decorator that is no dotted name or call of one"
    elif isinstance(node, cst.For) and _is_bare_tuple(node.iter, starred=True):
        yield (3, 9), "a star in what `for` goes over"
    elif isinstance(node, cst.Index):
        if node.star:
            yield (3, 11), "a star in a subscript"
        yield from _bare_walrus(node.value, "a subscript")
    elif isinstance(node, cst.Set):
        for each in node.elements:
            yield from _bare_walrus(each.value, "a set")
    elif isinstance(node, cst.Param) and isinstance(node.annotation, cst.Annotation):
        if isinstance(node.annotation.annotation, cst.StarredElement):
            yield (3, 11), "a star in an annotation"
    elif isinstance(node, cst.TypeParam) and node.default is not None:
        yield (3, 13), "a default of a type parameter"
    elif isinstance(node, cst.ExceptHandler | cst.ExceptStarHandler):
        if node.type is not None and _is_bare_tuple(node.type):
            yield (3, 14), "`except` of several types without parentheses"
    elif isinstance(node, cst.FormattedString):
        yield from _free_fields(node)


_KINDS: dict[str, tuple[Version, str]] = {
    "Match": ((3, 10), "a `match` statement"),
    "TryStar": ((3, 11), "`except*`"),
    "TypeAlias": ((3, 12), "a `type` statement"),
    "TypeParameters": ((3, 12), "type parameters"),
    "TemplatedString": ((3, 14), "a t-string"),
}


def _is_plain(node: cst.BaseExpression) -> bool:
    """Whether a decorator is a dotted name, or one call of such."""
    import libcst as cst

    node = node.func if isinstance(node, cst.Call) and not node.lpar else node
    while isinstance(node, cst.Attribute) and not node.lpar:
        node = node.value
    return isinstance(node, cst.Name) and not node.lpar


def _is_bare_tuple(node: cst.BaseExpression, starred: bool = False) -> bool:
    import libcst as cst

    bare = isinstance(node, cst.Tuple) and not node.lpar
    return bare and (not starred or any(isinstance(e, cst.StarredElement) for e in node.elements))  # type: ignore[attr-defined]


def _bare_walrus(node: cst.BaseExpression, where: str) -> Iterator[tuple[Version, str]]:
    import libcst as cst

    if isinstance(node, cst.NamedExpr) and not node.lpar:
        yield (3, 10), f"`:=` without parentheses in {where}"


def _free_fields(string: cst.FormattedString) -> Iterator[tuple[Version, str]]:
    """What the fields of an f-string hold that they may hold since Python 3.12."""
    import libcst as cst

    module = cst.Module([])
    waiting = list(string.parts)
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, cst.FormattedStringExpression):
            continue
        waiting[:0] = part.format_spec or ()
        blanks = (part.whitespace_before_expression, part.whitespace_after_expression)
        code = "".join(map(module.code_for_node, (blanks[0], part.expression, blanks[1])))
        what = (
            "the quotes of the string" if string.end in code
            else "a backslash" if "\\" in code
            else "a line break" if "\n" in code and len(string.end) == 1
            else "a comment" if _has_comment(part)
            else ""
        )  # fmt: skip
        if what:
            yield (3, 12), f"an f-string with {what} in a field"
            return


def _has_comment(node: cst.CSTNode) -> bool:
    return type(node).__name__ == "Comment" or any(map(_has_comment, _children(node)))


def _children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes right below. LibCST's own would check them, and refuse `a if b else(c)`."""
    import libcst as cst

    for each in fields(node):
        value = getattr(node, each.name)
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, cst.CSTNode):
                yield item
