"""Holes: `$NAME` stands for one node, `$$$NAME` for zero or more siblings, `$_` for any node.

A pattern becomes valid Python by replacing each hole with a name of the same length, so that a
column of the Python text is a column of the pattern. Which name depends on where the hole stands:
`$$$A` may have to be `*µµA` (arguments, statements), `µµµA` (decorators, `with` items, names) or
`**ºA` (entries of a dict). The Python parser decides which one fits.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from patcher.patchfile.features import too_new
from patcher.patchfile.parts import part_of
from patcher.patchfile.python import parse_python

ONE = "µ"
MANY_FORMS = ("*µµ", "µµµ", "**º")
_ENTRY_FIRST = ("**º", "*µµ", "µµµ")
_MOST_COMBINATIONS = 729
_MOST_READ_ANEW = 27
_FIELD_HOLE = re.compile(r"\{[^{}]*?(\$(?:\$\$)?[A-Z_])")
_STARTS_WITH_ELIF = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*elif\b")

_SCANNER = re.compile(
    r"""
    (?P<string>[rRbBuUfF]{0,2}(?:
        \"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3}
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' ))
  | (?P<comment>\#[^\n]*)
  | \$\$\$(?P<many>[A-Z_][A-Z0-9_]*)
  | \$(?P<one>[A-Z_][A-Z0-9_]*)
  | (?<!\w)(?P<taken>[µμº])
  | (?P<lone>\$)
    """,
    re.VERBOSE | re.DOTALL,
)


class PatternError(Exception):
    """A pattern is not what it should be; line (from 1) and column (from 1) are the pattern's."""

    def __init__(self, message: str, line: int, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.hint = message, line, column, hint


@dataclass(frozen=True)
class Hole:
    """One hole of a text; ``start`` and ``end`` are offsets of the whole `$NAME`."""

    name: str
    many: bool
    start: int
    end: int

    @property
    def anonymous(self) -> bool:
        return self.name == "_"

    def __str__(self) -> str:
        return ("$$$" if self.many else "$") + self.name


@dataclass(frozen=True)
class Parsed:
    """A pattern as Python: ``text`` has the length of the pattern's own text.

    With ``branches`` it is written as `elif ...:`; in ``tree`` each branch is an `if` of its own.
    """

    text: str
    tree: ast.Module
    holes: tuple[Hole, ...]
    branches: bool = False

    @property
    def entries(self) -> frozenset[str]:
        """Names of the holes that stand where entries of a dict do."""
        return frozenset(h.name for h in self.holes if self.text.startswith("**", h.start))

    @property
    def is_expression(self) -> bool:
        body = self.tree.body
        return (
            len(body) == 1
            and isinstance(body[0], ast.Expr)
            and not isinstance(body[0].value, ast.Starred)
        )


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def scan_holes(text: str) -> tuple[Hole, ...]:
    """The holes of a pattern, those in strings and comments left alone.

    Raises:
        PatternError: a `$` that starts no hole, or a name that would be taken for one.
    """
    holes = []
    for result in _SCANNER.finditer(text):
        if result["lone"]:
            message = "`$` starts no hole: write `$NAME` or `$$$NAME`, in capitals"
            raise PatternError(message, *position(text, result.start()))
        if result["taken"]:
            message = f"a name that starts with `{result[0]}` cannot be used in patterns"
            raise PatternError(message, *position(text, result.start()), "match whole `lines`")
        name = result["many"] or result["one"]
        if name:
            holes.append(Hole(name, bool(result["many"]), result.start(), result.end()))
    return tuple(holes)


def string_spans(text: str) -> list[tuple[int, int]]:
    """Offsets of the string literals of a text that may hold holes."""
    return [result.span() for result in _SCANNER.finditer(text) if result["string"]]


def texts(text: str, start: int, end: int) -> Iterator[tuple[tuple[int, int], str]]:
    """Places of strings and comments between two offsets, and the word for each."""
    for result in _SCANNER.finditer(text, start, end):
        if result["string"] or result["comment"]:
            yield result.span(), "string" if result["string"] else "comment"


def has_comments(text: str) -> bool:
    return any(result["comment"] for result in _SCANNER.finditer(text))


def parse(text: str, entries: Collection[str] = ()) -> Parsed:
    """Read a pattern or a replacement as Python.

    Args:
        entries: names of `$$$` holes that hold entries of a dict, where that can be told.

    Raises:
        PatternError: it is not Python, or a `$` starts no hole.
    """
    holes = scan_holes(text)
    branches = _STARTS_WITH_ELIF.match(text) is not None
    of = _as_ifs(text) if branches else text
    many = [hole for hole in holes if hole.many]
    first_error: SyntaxError | None = None
    options = [_ENTRY_FIRST if hole.name in entries else MANY_FORMS for hole in many]
    chosen: list[int] | None = [0] * len(many)
    tried: list[str] = []
    while chosen is not None and len(tried) < _MOST_COMBINATIONS:
        forms = [of_hole[i] for of_hole, i in zip(options, chosen, strict=True)]
        python = _substitute(of, holes, dict(zip(many, forms, strict=True)))
        tried.append(python)
        try:
            tree = parse_python(python)
            lines = text.split("\n")
            for node in tree.body if branches else ():
                if not lines[node.lineno - 1].lstrip().startswith("elif"):
                    message = "only branches can stand beside an `elif`"
                    raise PatternError(message, node.lineno, node.col_offset + 1)
            return Parsed(python, tree, holes, branches)
        except SyntaxError as error:
            first_error = first_error or error
            chosen = _next(chosen, many, python, error)
        except (ValueError, RecursionError, MemoryError) as error:
            raise PatternError(f"not Python: {error}", 1, 1) from None
    assert first_error is not None
    in_string = _hole_in_f_string(text)
    if in_string is not None:
        message = "strings hold no holes: `{$NAME}` in an f-string is not filled"
        raise PatternError(message, *position(text, in_string))
    newer = next(filter(None, map(too_new, tried[:_MOST_READ_ANEW])), None)
    if newer is not None:
        raise PatternError(newer.unread(), newer.line, 1, newer.hint)
    line, column = first_error.lineno or 1, first_error.offset or 1
    raise PatternError(f"not Python: {_plain(first_error.msg)}", line, column, part_of(text))


def _next(
    chosen: list[int], many: Sequence[Hole], python: str, error: SyntaxError
) -> list[int] | None:
    """The forms to try after an error; None when all have been."""
    last = len(chosen)
    if 3**last > _MOST_COMBINATIONS:  # what stands behind the place of the error has no part in it
        lines = python.splitlines(keepends=True)
        at = sum(map(len, lines[: (error.lineno or 1) - 1])) + (error.offset or len(python))
        last = sum(hole.start <= at for hole in many) or last
    while last and chosen[last - 1] == len(MANY_FORMS) - 1:
        last -= 1
    if not last:
        return None
    return [*chosen[: last - 1], chosen[last - 1] + 1, *[0] * (len(chosen) - last)]


def _hole_in_f_string(text: str) -> int | None:
    """Where the first hole stands that somebody meant to be one of an f-string's fields."""
    for start, end in string_spans(text):
        prefix = re.match(r"[A-Za-z]*", text[start:end])
        matched = _FIELD_HOLE.search(text, start, end)
        if prefix and "f" in prefix[0].lower() and matched:
            return matched.start(1)
    return None


def _as_ifs(text: str) -> str:
    """The text with an `if` of the same width in the place of each `elif` at its start of line."""
    strings = string_spans(text)

    def each(match: re.Match[str]) -> str:
        inside = any(low < match.start() < high for low, high in strings)
        return match[0] if inside else "if  "

    return re.sub(r"^elif\b", each, text, flags=re.MULTILINE)


def _substitute(text: str, holes: tuple[Hole, ...], forms: dict[Hole, str]) -> str:
    pieces, last = [], 0
    for hole in holes:
        pieces += [text[last : hole.start], forms.get(hole, ONE), hole.name]
        last = hole.end
    return "".join([*pieces, text[last:]])


def with_holes(python: str) -> str:
    """Code with stand-ins as it would be written, with holes."""
    return re.sub(r"\*\*º|\*?µµµ?|µ", lambda each: "$" if each[0] == ONE else "$$$", python)


def _plain(message: str) -> str:
    """The parser's message without the stand-ins."""
    return re.sub(r"\*\*º|\*?µ+", "$", message)
