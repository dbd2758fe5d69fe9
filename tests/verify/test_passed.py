"""Going back is going back to what this very request would have passed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patcher.verify.passed import Passed, Strength, goes_back_to, remembered, why_not_again

STRONG = Strength(
    tree="t", gate="bitwise", cases=("a", "b"), weights="w", content="c", settings="s", inputs=4
)
OLD, NEW = (("one", "1"),), (("one", "1"), ("two", "2"))

WEAKER = {
    "a looser gate": replace(STRONG, gate="perceptual"),
    "fewer cases": replace(STRONG, cases=("a",)),
    "fewer drawn inputs": replace(STRONG, inputs=0),
    "a shorter life": STRONG,
    "another tree": replace(STRONG, tree="u"),
    "other weights": replace(STRONG, weights="x"),
    "another workload file": replace(STRONG, content="d"),
    "other settings": replace(STRONG, settings="r"),
}


def back(passed: Strength, asked: Strength, *, speed: bool = False) -> bool:
    return goes_back_to([Passed(OLD, passed)], OLD, NEW, asked, speed=speed)


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_judge_is_not_gone_back_to(name: str) -> None:
    asked = replace(STRONG, life=3) if name == "a shorter life" else STRONG
    assert back(STRONG, STRONG)
    assert not back(WEAKER[name], asked)


def test_a_stronger_judge_is() -> None:
    more = replace(STRONG, cases=("a", "b", "c"), inputs=9, timed="full")
    assert back(more, replace(STRONG, gate="perceptual"), speed=True)


def test_what_was_never_timed_is_not_gone_back_to_from_a_failure_of_speed() -> None:
    asked = replace(STRONG, timed="quick", required="faster")
    assert back(STRONG, asked, speed=False)
    assert not back(STRONG, asked, speed=True)
    assert not back(replace(asked, required="not-slower"), asked, speed=True)


def test_the_series_that_failed_is_not_gone_back_to_though_it_passed_before() -> None:
    assert not goes_back_to([Passed(NEW, STRONG)], NEW, NEW, STRONG, speed=False)


def test_a_record_of_another_series_says_nothing() -> None:
    assert not goes_back_to([Passed(NEW, STRONG)], OLD, NEW, STRONG, speed=False)


def test_a_weaker_pass_later_does_not_forget_the_stronger_one() -> None:
    strong, weak = Passed(OLD, STRONG), Passed(OLD, WEAKER["fewer cases"])
    assert remembered([strong], weak) == (strong,)
    assert remembered([weak], strong) == (strong,)
    assert remembered([strong], Passed(NEW, STRONG)) == (Passed(NEW, STRONG),)


def test_a_record_is_read_back_as_it_was() -> None:
    passed = Passed(NEW, STRONG)
    assert Passed.from_json(passed.as_json()) == passed
    with pytest.raises((KeyError, ValueError, TypeError)):
        Passed.from_json({**passed.as_json(), "strength": {"tree": "t"}})


@pytest.mark.parametrize("name", [name for name in WEAKER if name != "a shorter life"])
def test_why_a_pass_on_record_is_not_enough_is_said(name: str) -> None:
    assert why_not_again([Passed(OLD, STRONG)], OLD, STRONG) == ""
    why = why_not_again([Passed(OLD, WEAKER[name])], OLD, STRONG)
    assert why.startswith("of the pass on record, ")


def test_what_is_asked_of_speed_is_no_reason_to_run_the_gates_again() -> None:
    timed = replace(STRONG, timed="quick", required="faster", life=50)
    assert why_not_again([Passed(OLD, STRONG)], OLD, timed) == ""
