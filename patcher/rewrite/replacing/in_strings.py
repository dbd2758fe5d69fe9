"""Replacements inside f-strings: what a field can hold, and how it has to be written there.

Before Python 3.12 the text of a field shares the quotes of the strings around it: it has no
backslash, no comment, and none of these quotes. Strings of the replacement therefore take other
quotes, and its lines become one. What cannot be said so is refused by name.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from patcher.patchfile.holes import has_comments, string_spans
from patcher.rewrite.matching.pattern import Pattern, compile_pattern
from patcher.rewrite.matching.spans import element_span
from patcher.rewrite.replacing.needs import need_value
from patcher.rewrite.replacing.places import CannotReplaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from patcher.rewrite.matching.search import MatchedSite
    from patcher.rewrite.source import Source
    from patcher.rewrite.splice import Splice

_FREE = sys.version_info >= (3, 12)  # PEP 701: a field is code like any other
_BREAK = re.compile(r"[ \t]*\\?\r?\n[ \t]*")
_LITERAL = re.compile(r"([A-Za-z]*)(\"{3}|'{3}|\"|')(.*)\2", re.DOTALL)
_QUOTES = ("'", '"', "'''", '"""')
_WHOLE = "match the whole f-string, or give the value a name above it"


def fitted(template: Pattern, site: MatchedSite) -> Pattern:
    """The template of an expression as it can stand at a site: in the fields of f-strings, say.

    Raises:
        CannotReplaceError: it cannot stand there.
    """
    fields = site.fields
    if site.in_case:
        need_value(template)
    if not fields or template.expression is None:
        return template
    for each in fields:
        if each.part.equal is not None:
            field = cst.Module([]).code_for_node(each.part)
            message = f"the field `{field}` prints its own text, which the edit would change"
            raise CannotReplaceError(message, "match the whole f-string")
    quotes = [each.string.end for each in fields]
    start, end = element_span(template.tree, template.expression)
    text = template.text[start:end]
    comments = has_comments(text)
    if comments and not _FREE:
        raise _refused("a comment", "take the comment out of `with`")
    if not comments and any(len(quote) == 1 for quote in quotes):
        text = _outside_strings(text, lambda code: _BREAK.sub(" ", code))
    text = _requoted(text, quotes)
    if not _FREE:
        _need_old_rules(text, quotes)
    return template if text == template.text else compile_pattern(text, template.entries)


def _need_old_rules(text: str, quotes: Collection[str]) -> None:
    """Raises `CannotReplaceError` for what no field can hold before Python 3.12."""
    if "\\" in text:
        raise _refused("a backslash")
    clash = next((quote for quote in quotes if quote in text), None)
    if clash is not None:
        raise _refused(f"the quote {clash} of the f-string around it")
    if "\n" in text and any(len(quote) == 1 for quote in quotes):
        raise _refused("a line break")


def _refused(what: str, hint: str = _WHOLE) -> CannotReplaceError:
    return CannotReplaceError(
        f"it has {what}, which a field of an f-string cannot hold before Python 3.12", hint
    )


def _outside_strings(text: str, change: Callable[[str], str]) -> str:
    pieces, last = [], 0
    for start, end in string_spans(text):
        pieces += [change(text[last:start]), text[start:end]]
        last = end
    return "".join([*pieces, change(text[last:])])


def _requoted(text: str, quotes: Collection[str]) -> str:
    """The code with other quotes for those of its strings that have one of ``quotes``."""
    pieces, last = [], 0
    for start, end in string_spans(text):
        literal = text[start:end]
        if any(quote in literal for quote in quotes):
            literal = _other_quotes(literal, quotes)
        pieces += [text[last:start], literal]
        last = end
    return "".join([*pieces, text[last:]])


def _other_quotes(literal: str, quotes: Collection[str]) -> str:
    """A string with quotes that may stand there; as it is where none may."""
    matched = _LITERAL.fullmatch(literal)
    assert matched is not None
    prefix, _, body = matched.groups()
    for each in _QUOTES:
        other = f"{prefix}{each}{body}{each}"
        ends = body.endswith(each[0])
        fits = each not in body and (not ends if len(each) == 3 else "\n" not in body)
        if fits and not any(quote in other for quote in quotes):
            return other
    return literal


def apart(source: Source, splices: Iterable[Splice]) -> list[Splice]:
    """The same splices, with a blank between the brace of a field and that of a dict or set."""
    return [
        replace(each, text=f" {each.text}")
        if each.text.startswith("{") and source.text[: each.start].endswith("{")
        else each
        for each in splices
    ]
