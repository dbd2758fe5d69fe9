"""What calls leave of random numbers is asked of a patch where the baseline promises it."""

from __future__ import annotations

from dataclasses import replace

from patcher.execution.results import Arm, Case, CaseResult, Outcome
from patcher.gates.left_behind import StateRules, left_behind
from patcher.targets.state import RANDOM

CASE = Case("m", "t")


def left(arm: Arm, python: str) -> CaseResult:
    return CaseResult(CASE, arm, Outcome.OK, state={RANDOM + "python": python})


def faults(
    *,
    exact: bool = True,
    unsteady: frozenset[str] = frozenset(),
    further: frozenset[Case] = frozenset(),
) -> list[str]:
    baseline, patched = [left(Arm.BASELINE, "a")], [left(Arm.PATCHED, "b")]
    rules = StateRules(exact, unsteady=unsteady, further=further)
    actual = left_behind("bitwise", baseline, patched, rules)
    return [result.message for result in actual.values()]


def test_another_state_than_the_baselines_is_a_fault_where_equal_bits_are_claimed() -> None:
    (message,) = faults()
    assert "random numbers of python" in message
    assert faults(exact=False) == []


def test_a_generator_that_the_baseline_does_not_leave_alike_itself_is_not_asked_of_a_patch() -> (
    None
):
    assert faults(unsteady=frozenset({"python"})) == []
    assert faults(unsteady=frozenset({"numpy"})) != []


def test_a_generator_whose_library_only_one_arm_had_loaded_is_no_fault() -> None:
    patched = replace(left(Arm.PATCHED, "a"), changed=(RANDOM + "numpy",))
    patched = replace(patched, state={**patched.state, RANDOM + "numpy": "c"})
    rules = StateRules(exact=True)
    assert left_behind("bitwise", [left(Arm.BASELINE, "a")], [patched], rules) == {}


def test_calls_with_another_past_on_the_other_arm_are_not_asked() -> None:
    assert faults(further=frozenset({CASE})) == []
