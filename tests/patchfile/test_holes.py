"""Patterns become Python of the same length, so that columns survive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.patchfile import holes

PARSED = {
    "a hole": "f($X)",
    "a sequence of arguments": "f($$$A, x=1, $$$B)",
    "arguments after a double star": "f(**$K, $$$R)",
    "parameters on both sides": "def f($$$A, x, $$$B): $$$C",
    "dict entries": "{'a': $X, $$$R}",
    "decorators": "@$$$D\nclass A($$$B): $$$C",
    "with items": "with $$$I, a as b: $$$C",
    "imported names": "from a import $$$N, b",
    "global names": "def f():\n    global $$$N",
    "case patterns": "match $X:\n    case [$$$A]: $$$B\n    case $P: pass",
    "a hole beside strings and comments": "f('$x', $X)  # costs $5",
    "a hole in a subscript": "a[$$$I]",
    "a lambda's parameters": "lambda $$$P: $E",
}


@pytest.mark.parametrize("text", PARSED.values(), ids=PARSED.keys())
def test_a_pattern_keeps_its_length_and_lines(text: str) -> None:
    parsed = holes.parse(text)
    assert len(parsed.text) == len(text)
    assert [len(line) for line in parsed.text.split("\n")] == [
        len(line) for line in text.split("\n")
    ]


def test_holes_in_strings_and_comments_are_left_alone() -> None:
    text = 'f(\'$A\', """$B\n$C""", rb\'$D\', $E)  # $F'
    assert [hole.name for hole in holes.scan_holes(text)] == ["E"]


def test_an_expression_is_told_from_a_statement() -> None:
    assert holes.parse("f($X)").is_expression
    assert not holes.parse("x = f($X)").is_expression
    assert not holes.parse("$$$BODY").is_expression


@pytest.mark.parametrize("text", ["f($)", "f($x)", "f($1)", "f($$X)", "f($$$)"])
def test_a_dollar_that_starts_no_hole_is_refused(text: str) -> None:
    with pytest.raises(holes.PatternError, match="starts no hole") as caught:
        holes.parse(text)
    assert (caught.value.line, caught.value.column) == (1, 3)


def test_the_stand_in_letter_is_refused() -> None:
    for text in ("µX + 1", "f(μs)", "f(a, ºb)"):
        with pytest.raises(holes.PatternError, match="cannot be used in patterns"):
            holes.parse(text)


def test_the_stand_in_letter_may_stand_in_strings_and_inside_names() -> None:
    parsed = holes.parse("f($X, 'µs', a_µ)  # µ")
    assert [hole.name for hole in parsed.holes] == ["X"]


@given(st.text(alphabet="$ABf(),= \n'\"#", max_size=40))
def test_any_text_is_parsed_or_refused_with_a_place(text: str) -> None:
    try:
        parsed = holes.parse(text)
    except holes.PatternError as error:
        place = (error.line, error.column)
        place_is_real = place >= (1, 0)
    else:
        place_is_real = len(parsed.text) == len(text)
    assert place_is_real
