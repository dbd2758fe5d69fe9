"""Random Python, random edits: the tree that must come out, and no comment lost without a word."""

from __future__ import annotations

import ast
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patcher.rewrite.matching import spans
from patcher.rewrite.replacing import fill, pattern_edit, substitute
from tests.rewrite.grammar.cases import EXPRESSIONS, STATEMENTS, Case, compiles, dump, make, problem
from tests.rewrite.grammar.code import Code
from tests.rewrite.grammar.noise import joined, noisy

SUITE, NIGHTLY = 2_000, 100_000
FIRST = 20_261_128
"""Where the seeds start."""


def cases(count: int, first: int = FIRST) -> list[tuple[int, Case]]:
    found: list[tuple[int, Case]] = []
    seed = first
    while len(found) < count:
        case = make(Random(seed))
        if case is not None:
            found.append((seed, case))
        seed += 1
    return found


def wrong(count: int, first: int = FIRST) -> list[str]:
    """What is wrong with some cases, with the seed that makes each again."""
    found = []
    for seed, case in cases(count, first):
        said = problem(case)
        if said:
            found.append(f"seed {seed}: {said}")
    return found


@pytest.mark.parametrize("part", range(4))
def test_every_case_gives_the_tree_it_must(part: int) -> None:
    assert wrong(SUITE // 4, FIRST + part * 1_000_000) == []


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(20))
def test_every_case_of_a_night_gives_the_tree_it_must(part: int) -> None:
    assert wrong(NIGHTLY // 20, FIRST + 100_000_000 + part * 1_000_000) == []


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_no_case_that_hypothesis_draws_is_wrong(random: Random) -> None:
    case = make(random)
    assert case is None or problem(case) == ""


# the generator itself ---------------------------------------------------------------------------


def test_noise_never_changes_the_tree() -> None:
    for seed in range(300):
        random = Random(seed)
        text = Code(random, False).module()
        if compiles(text):
            other = noisy(joined(text, random), random)
            assert not compiles(other) or dump(other) == dump(text)


def test_noise_is_nearly_always_python() -> None:
    made = [make(Random(seed)) for seed in range(300)]
    assert sum(case is not None for case in made) > 270


def test_all_kinds_of_statements_and_expressions_are_written() -> None:
    left_out = {
        "Interactive", "Expression", "FunctionType", "Suite", "AugLoad", "AugStore", "Param",
        "Index", "ExtSlice", "Num", "Str", "Bytes", "NameConstant", "Ellipsis",
        "Global", "Nonlocal",  # they need a name that is bound around them
        "TemplateStr", "Interpolation",
    }  # fmt: skip
    kinds = {
        each.__name__
        for base in (ast.stmt, ast.expr, ast.pattern)
        for each in base.__subclasses__()
        if each.__name__ not in left_out
    }
    seen: set[str] = set()
    for seed in range(FIRST, FIRST + 1500):
        case = make(Random(seed))
        if case is not None:
            seen |= {type(node).__name__ for node in ast.walk(ast.parse(case.source))}
    assert kinds - seen == set()


def test_every_edit_is_drawn() -> None:
    text = "\n".join(case.edits for _, case in cases(1500))
    patterns = [pattern for pattern, _ in EXPRESSIONS] + [old for _, old, _ in STATEMENTS]
    assert [each for each in patterns if each.split("\n")[0] not in text] == []


# defects of the past, put back one by one -------------------------------------------------------


def _glue(patcher: pytest.MonkeyPatch) -> None:
    patcher.setattr("patcher.rewrite.splice.in_word", lambda character: False)


def _assert_as_element(patcher: pytest.MonkeyPatch) -> None:
    def is_element(node: object) -> bool:
        return hasattr(node, "comma")

    patcher.setattr(spans, "is_element", is_element)
    patcher.setattr(substitute, "is_element", is_element)


def _no_pass(patcher: pytest.MonkeyPatch) -> None:
    patcher.setattr("patcher.rewrite.splice.with_pass", list)
    patcher.setattr(substitute, "with_pass", list)


def _no_parentheses(patcher: pytest.MonkeyPatch) -> None:
    patcher.setattr(fill, "is_atomic", lambda node: True)
    patcher.setattr(substitute, "is_atomic", lambda node: True)


def _comments_above_only(patcher: pytest.MonkeyPatch) -> None:
    def with_comments(self: fill.Filler, line_start: int) -> int:
        return line_start

    patcher.setattr(fill.Filler, "_with_comments", with_comments)
    patcher.setattr("patcher.rewrite.oracle.tokens.lost", lambda before, after: [])


def _strings_move(patcher: pytest.MonkeyPatch) -> None:
    patcher.setattr("patcher.rewrite.source.lines_in_strings", lambda *of: frozenset())


def _all_sites_alike(patcher: pytest.MonkeyPatch) -> None:
    patcher.setattr(
        pattern_edit, "decide", lambda edit, sites, written: pattern_edit.refuse(edit, "x")
    )


DEFECTS = {
    "words are glued": _glue,
    "an assert is an element of a list": _assert_as_element,
    "an emptied block has no pass": _no_pass,
    "nothing is put in parentheses": _no_parentheses,
    "comments above a moved statement are lost": _comments_above_only,
    "the lines of strings move with their statement": _strings_move,
    "no site is ever found": _all_sites_alike,
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_the_cases_of_the_suite_find(defect: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(defect)
    defect(monkeypatch)
    assert any(wrong(100, FIRST + part * 1_000_000) for part in range(20))
