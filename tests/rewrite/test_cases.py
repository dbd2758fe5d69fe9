"""Every small case: what an edit makes of a text, or the exact error; applied twice; taken back."""

from __future__ import annotations

import pytest

from docs.case_files import FILE, Case, cases
from patcher.rewrite.replay import replay
from tests.rewrite.support import outcome, plan, read

ALL = cases()
ACCEPTED = [case for case in ALL if case.after is not None]


def sentence(case: Case) -> str:
    return f"{case.topic}: {case.it}"


@pytest.mark.parametrize("case", ALL, ids=sentence)
def test_an_edit(case: Case) -> None:
    after, error = outcome(case)
    assert (after, error) == (case.after, case.error)


@pytest.mark.parametrize("case", ACCEPTED, ids=sentence)
def test_applying_twice_changes_nothing_more(case: Case) -> None:
    assert case.after is not None
    after = case.after.encode()
    assert plan(read(case), after).files.get(FILE, after) == after


@pytest.mark.parametrize("case", ACCEPTED, ids=sentence)
def test_reverting_gives_the_bytes_back(case: Case) -> None:
    assert case.after is not None
    pristine = {FILE: case.before.encode()}
    patched = {**pristine, **replay(pristine.get, [read(case)])}
    assert patched[FILE] == case.after.encode()
    assert {**pristine, **replay(pristine.get, [])} == pristine


def test_no_sentence_is_used_twice() -> None:
    sentences = [sentence(case) for case in ALL]
    assert sorted(set(sentences)) == sorted(sentences)


def test_there_are_enough_cases() -> None:
    assert len(ALL) >= 150
