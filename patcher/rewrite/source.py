"""One source file: bytes at the boundary, text inside, lines and definitions by `ast`.

Nothing about the bytes is lost on the way: BOM, encoding cookie, CRLF, lone CR, form feeds and a
missing final newline come back as they were, or the file is refused.
"""

from __future__ import annotations

import ast
import codecs
import io
import itertools
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from patcher.errors import PatcherError
from patcher.patchfile.features import too_new
from patcher.patchfile.holes import string_spans
from patcher.patchfile.python import parse_python

MOST_BYTES = 1 << 20
_NEWLINE = re.compile(r"\r\n|\r|\n")
_HEAD = re.compile(
    r"(?:\#![^\r\n]*(?:\r\n|\r|\n))?"
    r"(?:[ \t\f]*\#[^\r\n]*?coding[:=][ \t]*[-\w.]+[^\r\n]*(?:\r\n|\r|\n))?"
)


@dataclass(frozen=True)
class Definition:
    """A function or class: ``first`` is the line of its first `@`, if any (all lines from 1)."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    first: int
    last: int


class Source:
    """A decoded source file.

    Attributes:
        path: for messages.
        text: the content without BOM, newlines as in the file.

    Raises:
        PatcherError: ``unsupported-source`` when it cannot be decoded, encoded back, or parsed.
    """

    def __init__(self, path: str, content: bytes) -> None:
        self.path = path
        if len(content) > MOST_BYTES:
            raise self.refuse("it is over 1 MiB", "patch a smaller module that it imports")
        try:
            self.encoding = encoding_of(content)
        except SyntaxError as error:
            raise self.refuse(f"its encoding cannot be told ({error.msg})") from None
        self.bom = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
        try:
            self.text = content[len(self.bom) :].decode(self.encoding)
        except UnicodeDecodeError as error:
            raise self.refuse(f"it is not {self.encoding} (byte {error.start})") from None
        if self.encode(self.text) != content:
            raise self.refuse(f"its {self.encoding} bytes do not survive decoding")

    @cached_property
    def head(self) -> int:
        """Offset below the lines that say interpreter and encoding: they belong to the file."""
        matched = _HEAD.match(self.text)
        return matched.end() if matched else 0

    def refuse(self, why: str, hint: str = "") -> PatcherError:
        return PatcherError(
            "unsupported-source", f"{self.path} cannot be edited: {why}", hint, self.path
        )

    def encode(self, text: str) -> bytes:
        """The bytes of an edited text, BOM and encoding kept.

        Raises:
            PatcherError: a character has no place in the encoding, or Python would read another.
        """
        try:
            content = self.bom + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            character = text[error.start]
            raise self.refuse(f"{character!r} cannot be written in {self.encoding}") from None
        if text is not self.text and not content.isascii() and not self._is_read(content):
            why = f"Python would no longer read it as {self.encoding}"
            raise self.refuse(why, "leave the line that says `coding` among the first two")
        return content

    def _is_read(self, content: bytes) -> bool:
        """Whether Python reads a new content in the encoding of the old one."""
        try:
            return encoding_of(content) == self.encoding
        except SyntaxError:
            return False

    @cached_property
    def starts(self) -> list[int]:
        """Offset of the start of each line."""
        return [0, *(result.end() for result in _NEWLINE.finditer(self.text))]

    @cached_property
    def newline(self) -> str:
        """The newline used most."""
        result = _NEWLINE.findall(self.text)
        return max(("\n", "\r\n", "\r"), key=result.count)

    @cached_property
    def tree(self) -> ast.Module:
        try:
            return parse_python(self.text)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            newer = too_new(self.text)
            if newer is not None:
                raise self.refuse(f"line {newer.line}, {newer.unread()}", newer.hint) from None
            raise self.refuse(
                f"line {line} is not Python ({getattr(error, 'msg', error)})"
            ) from None
        except (RecursionError, MemoryError):
            raise self.refuse("it is nested too deep") from None

    @cached_property
    def definitions(self) -> list[Definition]:
        """Every function and class with its lexical qualified name, in order of appearance."""
        result: list[Definition] = []

        def visit(node: ast.AST, prefix: str) -> None:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    name = prefix + child.name
                    first = self.first_line(child)
                    result.append(Definition(name, child, first, child.end_lineno or child.lineno))
                    visit(child, name + ".")
                elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                    visit(child, prefix)

        visit(self.tree, "")
        return result

    def first_line(self, node: ast.stmt) -> int:
        """The line on which a statement starts: that of its first `@`, if it has decorators."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        line = min([node.lineno, *(each.lineno for each in decorators)])
        while decorators and line > 1 and self.continues(line - 1):
            line -= 1  # a backslash parts the `@` from what `ast` tells the place of
        return line

    def continues(self, line: int) -> bool:
        """Whether a line goes on in the next one after a backslash."""
        start, end = self.lines(line, line)
        text = self.text[start:end].rstrip("\r\n")
        return text.endswith("\\") and not ("#" in text and line in self.comment_lines)

    @cached_property
    def string_lines(self) -> frozenset[int]:
        """Lines that start inside a string."""
        return lines_in_strings(self.tree, self.text, self.starts)

    @cached_property
    def comment_lines(self) -> frozenset[int]:
        """Lines that end in a comment: a `#` in a string starts none."""
        lines = self._lines()
        tokens = tokenize.generate_tokens(lambda: next(lines, ""))
        return frozenset(each.start[0] for each in tokens if each.type == tokenize.COMMENT)

    def _lines(self) -> Iterator[str]:
        """The lines, each with the newline that the tokenizer knows."""
        for start, end in itertools.pairwise([*self.starts, len(self.text)]):
            yield self.text[start:end].rstrip("\r\n") + "\n"

    @cached_property
    def _statement_lines(self) -> list[int]:
        """Lines on which a statement starts, in order."""
        nodes = (node for node in ast.walk(self.tree) if isinstance(node, ast.stmt))
        return sorted({node.lineno for node in nodes})

    def statement_indent(self, offset: int) -> str:
        """The white space before the statement that an offset lies in."""
        line = bisect_right(self.starts, offset)
        at = bisect_right(self._statement_lines, line)
        return self.indent(self.starts[self._statement_lines[at - 1] - 1]) if at else ""

    def block_indent(self, offset: int) -> str:
        """The white space before the line of a statement, which may start on another one's last."""
        line = bisect_right(self.starts, offset)
        while line in self._goes_on or (line > 1 and self.continues(line - 1)):
            line = self._goes_on.get(line, line - 1)
        return self.indent(self.starts[line - 1])

    @cached_property
    def _goes_on(self) -> dict[int, int]:
        """The last line of each simple statement of several lines, and its first."""
        nodes = (node for node in ast.walk(self.tree) if isinstance(node, ast.stmt))
        simple = [node for node in nodes if not (hasattr(node, "body") or hasattr(node, "cases"))]
        return {e.end_lineno: e.lineno for e in simple if e.end_lineno and e.end_lineno > e.lineno}

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1, the column in characters."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line_start(self, offset: int) -> int:
        return self.starts[bisect_right(self.starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Offset after the newline of the line that holds ``offset``."""
        line = bisect_right(self.starts, offset)
        return self.starts[line] if line < len(self.starts) else len(self.text)

    def lines(self, first: int, last: int) -> tuple[int, int]:
        """Offsets of whole lines ``first`` to ``last`` (from 1, inclusive)."""
        end = self.starts[last] if last < len(self.starts) else len(self.text)
        return self.starts[first - 1], end

    def indent(self, offset: int) -> str:
        """The white space that starts the line of ``offset``."""
        start = self.line_start(offset)
        matched = re.compile(r"[ \t\f]*").match(self.text, start)
        return matched[0] if matched else ""

    def scope_at(self, offset: int) -> str:
        """Qualified name of the innermost definition around an offset; `<module>` outside any."""
        line = bisect_right(self.starts, offset)
        name = "<module>"
        for definition in self.definitions:
            if definition.first <= line <= definition.last:
                name = definition.name
        return name


def encoding_of(content: bytes) -> str:
    """The encoding that Python reads a file in.

    Raises:
        SyntaxError: there is none of that name, or it is not that of the byte order mark.
    """
    lines = content if b"\n" in content else content.replace(b"\r", b"\n")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(lines).readline)
    return "utf-8" if encoding == "utf-8-sig" else encoding


def lines_in_strings(tree: ast.AST, text: str, starts: Sequence[int]) -> frozenset[int]:
    """Lines of a text, from 1, that start inside a string.

    Strings that stand side by side are one node of the tree; the lines between them are outside.

    Args:
        starts: offset of the start of each line.
    """
    result: set[int] = set()
    for node in ast.walk(tree):
        several = isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno
        if not several or node.end_lineno == node.lineno:  # type: ignore[attr-defined]
            continue
        first, last = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        low = starts[first - 1]
        line = text[low : starts[first]].encode()
        low += len(line[: node.col_offset].decode())  # type: ignore[attr-defined]
        inside = string_spans(text[low : starts[last] if last < len(starts) else len(text)])
        for number in range(first + 1, last + 1):
            at = starts[number - 1] - low
            if any(start < at < end for start, end in inside):
                result.add(number)
    return frozenset(result)


def within_matches(within: str, name: str) -> bool:
    """Whether a qualified name is what `within` says; `*` stands for any part of one segment."""
    asked, segments = within.split("."), name.split(".")
    return len(asked) == len(segments) and all(
        re.fullmatch(re.escape(segment).replace(r"\*", r"\w*"), actual)
        for segment, actual in zip(asked, segments, strict=True)
    )
