"""Rules of other tools that can be said here, each proved on an example of this project's own."""

from __future__ import annotations

import pytest

from docs.case_files import FILE, Rule, rules
from tests.rewrite.support import outcome, plan, read

SAID = [rule for rule in rules() if rule.case is not None]


def name(rule: Rule) -> str:
    return f"{rule.tool}: {rule.name}"


@pytest.mark.parametrize("rule", SAID, ids=name)
def test_it_can_be_said(rule: Rule) -> None:
    assert rule.case is not None
    assert rule.case.after is not None
    assert rule.case.after != rule.case.before
    assert outcome(rule.case) == (rule.case.after, None)


@pytest.mark.parametrize("rule", SAID, ids=name)
def test_saying_it_twice_changes_nothing_more(rule: Rule) -> None:
    assert rule.case is not None
    assert rule.case.after is not None
    after = rule.case.after.encode()
    assert plan(read(rule.case), after).files.get(FILE, after) == after


def test_what_cannot_be_said_names_what_it_would_need() -> None:
    assert all(rule.case is not None or rule.needs for rule in rules())
