"""Random Python, random edits: the tree that must come out, and no comment lost without a word."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import cache
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patcher.patchfile.kinds import kinds
from tests.rewrite.grammar import any_holes, authoring
from tests.rewrite.grammar.cases import Case, compiles, dump, make, parse
from tests.rewrite.grammar.code import Code
from tests.rewrite.grammar.defects import DEFECTS, Defect, search
from tests.rewrite.grammar.judging import judge
from tests.rewrite.grammar.kinds import DECORATORS
from tests.rewrite.grammar.matching import EXPRESSIONS, STATEMENTS
from tests.rewrite.grammar.night import FIRST, NIGHTLY, chunk
from tests.rewrite.grammar.noise import joined, noisy

SUITE = 1_000
PARTS = 2


@cache
def cases() -> dict[int, Case]:
    """The cases of the suite by their seeds: made once, judged and looked at."""
    made = ((seed, make(Random(seed))) for seed in range(FIRST, FIRST + SUITE + SUITE // 10))
    return {seed: case for seed, case in made if case is not None}


def wrong(count: int, first: int = FIRST) -> list[str]:
    """What is wrong with the cases of some seeds."""
    return list(chunk(first, count).defects)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_case_gives_what_it_must(part: int) -> None:
    verdicts = {s: judge(c, twice=s % 4 == 0) for s, c in list(cases().items())[part::PARTS]}
    assert {seed: verdict for seed, verdict in verdicts.items() if verdict.is_defect} == {}


def test_the_suite_has_as_many_cases_as_it_says() -> None:
    assert len(cases()) >= SUITE


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(20))
def test_every_case_of_a_night_gives_what_it_must(part: int) -> None:
    assert wrong(NIGHTLY // 20, FIRST + 100_000_000 + part * 1_000_000) == []


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_no_case_that_hypothesis_draws_is_wrong(random: Random) -> None:
    case = make(random)
    assert case is None or not judge(case).is_defect


# what helps authors -----------------------------------------------------------------------------


AUTHORS = {
    "a spec from a line": authoring.scaffolded, "a message": authoring.said,
    "code never patched": authoring.never_patched, "two captures": authoring.captured_twice,
    "a plan": authoring.planned, "an adopted capture": authoring.adopted,
}  # fmt: skip


@pytest.mark.parametrize("wrong", AUTHORS.values(), ids=AUTHORS)
def test_no_seed_shows_anything_wrong(wrong: Callable[[int], str | None]) -> None:
    few = 2 if wrong in (authoring.planned, authoring.adopted) else 20
    assert {seed: why for seed in range(few) if (why := wrong(seed))} == {}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", AUTHORS.values(), ids=AUTHORS)
def test_no_seed_of_many_shows_anything_wrong(wrong: Callable[[int], str | None]) -> None:
    many = {authoring.planned: 10, authoring.adopted: 200}.get(wrong, 1500)
    assert {seed: why for seed in range(many) if (why := wrong(seed))} == {}


# any pattern, any replacement -------------------------------------------------------------------


def test_any_replacement_of_any_pattern_is_written_as_meant_or_refused_in_words() -> None:
    assert {seed: why for seed in range(600) if (why := any_holes.wrong(seed))} == {}


@pytest.mark.nightly
def test_any_replacement_of_many_patterns_is_written_as_meant_or_refused_in_words() -> None:
    assert {seed: why for seed in range(600, 20_600) if (why := any_holes.wrong(seed))} == {}


# the generator itself ---------------------------------------------------------------------------


def test_noise_never_changes_the_tree() -> None:
    for seed in range(300):
        random = Random(seed)
        text = Code(random, False).module()
        if compiles(text):
            other = noisy(joined(text, random), random)
            assert not compiles(other) or dump(other) == dump(text)


def test_all_kinds_of_statements_and_expressions_are_written() -> None:
    left_out = {
        "Interactive", "Expression", "FunctionType", "Suite", "AugLoad", "AugStore", "Param",
        "Index", "ExtSlice", "Num", "Str", "Bytes", "NameConstant", "Ellipsis",
    }  # fmt: skip
    bases = [ast.stmt, ast.expr, ast.pattern, ast.operator, ast.unaryop, ast.boolop, ast.cmpop]
    bases += [ast.type_param] if hasattr(ast, "type_param") else []
    kinds = {
        each.__name__
        for base in bases
        for each in base.__subclasses__()
        if each.__name__ not in left_out
    }
    nodes = (node for case in cases().values() for node in ast.walk(parse(case.source)))
    seen = {type(node).__name__ for node in nodes}
    assert kinds - seen == set()


def test_every_pattern_is_drawn() -> None:
    text = "\n".join(case.edits for case in cases().values())
    patterns = [pattern for pattern, _ in (*EXPRESSIONS, *DECORATORS)]
    patterns += [old for _, old, _ in STATEMENTS]
    assert [each for each in patterns if each.split("\n")[0] not in text] == []


def test_every_kind_of_edit_is_drawn() -> None:
    drawn = {edit.kind for case in cases().values() for edit in case.patch.edits}
    assert set(kinds()) - drawn == set()


def test_every_line_end_and_encoding_is_drawn() -> None:
    made = cases().values()
    ends = [("\r\n" in e.source, "\r" in e.source.replace("\r\n", "")) for e in made]
    assert {(True, False), (False, True), (False, False)} <= set(ends)
    assert {case.encoding for case in made} == {"utf-8", "latin-1"}
    assert {bool(case.bom) for case in made} == {True, False}
    text = "".join(case.source for case in made)
    for each in ("\f", "; ", "\\\n", "  # c", "async for", "nonlocal ", "global "):
        assert each in text, each
    assert ("except* " in text) == (sys.version_info >= (3, 11))


# defects of the past, put back one by one -------------------------------------------------------


def name_of(defect: Defect) -> str:
    return defect.name


@pytest.mark.parametrize("defect", DEFECTS[::11], ids=name_of)
def test_the_cases_find(defect: Defect) -> None:
    assert search(defect) is not None


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=name_of)
def test_the_cases_find_each(defect: Defect) -> None:
    assert search(defect) is not None
