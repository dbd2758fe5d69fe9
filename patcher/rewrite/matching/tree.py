"""A run of whole lines as a LibCST tree with the offset of every node.

Only the definition that an edit names is given to LibCST. An indented one gets `class _:` in front
instead of being dedented, so that strings over several lines stay what they are. LibCST must print
what it read: where it does not (a form feed before a statement is one case), the source is refused.
"""

from __future__ import annotations

import ast
import copy
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst
from libcst._nodes.internal import CodegenState

from patcher.patchfile.python import parse_python
from patcher.rewrite.splice import Splice, apply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PREFIX = "class _:"
_LONE_CR = re.compile(r"\r(?!\n)")


class RoundTripError(Exception):
    """LibCST does not print what it was given, or cannot read it."""


@dataclass
class _Spans(CodegenState):
    """Prints a tree and notes where each node starts and ends.

    ``outer`` spans hold what a node prints (for an expression: with its parentheses), ``inner``
    spans what LibCST calls its syntactic position (without parentheses, comments and newlines).
    """

    at: int = 0
    stack: list[int] = field(default_factory=list)
    outer: dict[cst.CSTNode, tuple[int, int]] = field(default_factory=dict)
    inner: dict[cst.CSTNode, tuple[int, int]] = field(default_factory=dict)

    def add_indent_tokens(self) -> None:
        self.tokens.extend(self.indent_tokens)
        self.at += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.at += len(value)

    def pop_trailing_newline(self) -> None:
        if self.tokens:
            self.at -= len(self.tokens.pop())

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.stack.append(self.at)

    def after_codegen(self, node: cst.CSTNode) -> None:
        self.outer[node] = (self.stack.pop(), self.at)

    @contextmanager
    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Iterator[None]:
        start = self.at
        yield
        end = self.at
        if start_node is not None:
            start = self._inner(start_node)[0]
        if end_node is not None:
            end = self._inner(end_node)[1]
        self.inner[node] = (start, end)

    def _inner(self, node: cst.CSTNode) -> tuple[int, int]:
        return self.inner.get(node) or self.outer[node]


def _parsed(text: str) -> cst.Module:
    """LibCST's tree of a text.

    LibCST refuses some correct code when it checks its own nodes: `return(a if b else c)` has no
    blank, and it asks for one. What `ast` reads is read again without these checks; that the tree
    prints what was read is checked in any case.
    """
    try:
        return cst.parse_module(text)
    except (cst.CSTValidationError, TypeError, AttributeError):
        with unchecked():
            return cst.parse_module(text)


@contextmanager
def unchecked() -> Iterator[None]:
    """LibCST makes nodes without checking them."""
    checks = cst.CSTNode.__post_init__
    try:
        cst.CSTNode.__post_init__ = lambda self: None  # type: ignore[method-assign]
        yield
    finally:
        cst.CSTNode.__post_init__ = checks  # type: ignore[method-assign]


class ParsedLines:
    """A parsed run of lines.

    Attributes:
        module: LibCST's tree; under an artificial class when the lines are indented.
        root: the node whose statements are the lines' own.
        lines: offsets of the first and last character in the file; ``code`` is the text there.
        prefix: what was put in front.
    """

    def __init__(self, text: str, offset: int = 0, newline: str = "\n") -> None:
        indented = text[:1] in (" ", "\t")
        prefix = _PREFIX + _LONE_CR.sub("\n", newline) if indented else ""
        readable = prefix + _LONE_CR.sub("\n", text)  # of the same length: LibCST takes no lone CR
        try:
            self.module = _parsed(readable)
        except Exception as error:  # the native parser raises several kinds
            why = "LibCST does not read them"
            if isinstance(error, cst.ParserSyntaxError | cst.CSTValidationError):
                why += f" ({error.message if isinstance(error, cst.ParserSyntaxError) else error})"
            if "\f" in text:
                why = "LibCST does not read a form feed before a statement"
            raise RoundTripError(why) from None
        spans = _Spans(self.module.default_indent, self.module.default_newline)
        self.module._codegen(spans)
        if "".join(spans.tokens) != readable:
            what = "these lines as they are" if "\f" not in text else "a form feed as it is"
            raise RoundTripError(f"LibCST does not print {what} written")
        self.root: cst.CSTNode = self.module
        if indented:
            wrapper = self.module.body[0]
            if len(self.module.body) > 1 or not isinstance(wrapper, cst.ClassDef):
                raise RoundTripError("LibCST does not read them as one block")
            self.root = wrapper.body
        self.lines = (offset, offset + len(text))
        self.code = text
        self.prefix = prefix
        self._shift = offset - len(prefix)
        self._spans = spans
        self._branches: dict[cst.If, cst.If] = {}

    @property
    def first(self) -> cst.CSTNode:
        """The first statement."""
        first: cst.CSTNode = self.root.body[0]  # type: ignore[attr-defined]
        return first

    def inner(self, node: cst.CSTNode) -> tuple[int, int]:
        """Offsets of a node without its parentheses, comments and newlines."""
        start, end = self._spans._inner(node)
        return start + self._shift, end + self._shift

    def outer(self, node: cst.CSTNode) -> tuple[int, int]:
        """Offsets of a node; an expression's parentheses belong to it."""
        if isinstance(node, cst.BaseExpression) and node in self._spans.outer:
            start, end = self._spans.outer[node]
            return start + self._shift, end + self._shift
        return self.inner(node)

    def branch(self, node: cst.If) -> cst.If:
        """An `if` or `elif` without what follows its own statements."""
        if node.orelse is None:
            return node
        if node not in self._branches:
            alone = copy.copy(node)  # `with_changes` would refuse `elif(a)`, as `_parsed` says
            object.__setattr__(alone, "orelse", None)
            span = (self._spans._inner(node)[0], self._spans._inner(node.body)[1])
            self._spans.inner[alone] = self._spans.outer[alone] = span
            self._branches[node] = alone
        return self._branches[node]

    def meaning(self, text: str, splices: Iterable[Splice]) -> str | None:
        """What Python reads in these lines of ``text`` after splices; None when it cannot."""
        first, last = self.lines
        moved = [Splice(s.start - first, s.end - first, s.text) for s in splices]
        try:
            return ast.dump(parse_python(self.prefix + apply(text[first:last], moved)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def error(self, text: str, splices: Iterable[Splice]) -> str:
        """What Python says of these lines of ``text`` after splices; empty when it reads them."""
        first, last = self.lines
        moved = [Splice(s.start - first, s.end - first, s.text) for s in splices]
        try:
            parse_python(self.prefix + apply(text[first:last], moved))
        except SyntaxError as error:
            return error.msg
        except (ValueError, RecursionError, MemoryError) as error:
            return str(error)
        return ""

    def whole(self, node: cst.CSTNode) -> tuple[int, int]:
        """Offsets of everything a node prints."""
        start, end = self._spans.outer[node]
        return start + self._shift, end + self._shift
