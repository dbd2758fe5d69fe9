"""What stands against a timing, whatever its ratio: each told apart from honest noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from patcher.bench import objections
from patcher.bench.records import CaseTiming, Fault, ProcessTiming, TimedPair
from patcher.bench.run import fault_of
from patcher.bench.speed import QUICK, decide
from patcher.execution.results import Arm, Case
from patcher.patchfile.model import Declaration

if TYPE_CHECKING:
    from collections.abc import Mapping

CASE = Case("m", "t")
FINE = decide([], [], QUICK, 0.03)


def timing(
    arm: Arm, wall_s: float = 1.0, resident: tuple[tuple[int, float], ...] = (), **more: object
) -> ProcessTiming:
    case = CaseTiming(CASE, (wall_s,) * 4, **{"worker_s": (wall_s,) * 4, "echo_s": 1e-4, **more})  # type: ignore[arg-type]
    return ProcessTiming(arm, (case,), resident_mib=resident)


def pairs(count: int = 6, **patched: object) -> list[TimedPair]:
    base, other = timing(Arm.BASELINE), timing(Arm.PATCHED, **patched)  # type: ignore[arg-type]
    return [TimedPair(i, 0, Arm.BASELINE, "s", base, other) for i in range(count)]


def test_clocks_that_agree_but_for_the_pipe_are_no_dispute() -> None:
    assert objections.disputed(pairs(worker_s=(0.998,) * 4, echo_s=0.002)) == ""


def test_a_worker_that_leaves_out_half_of_its_time_is_disputed() -> None:
    assert "50%" in objections.disputed(pairs(worker_s=(0.5,) * 4))


def test_a_parent_that_is_late_under_both_arms_accuses_nobody() -> None:
    late = {"wall_s": 1.2, "worker_s": (1.0,) * 4}
    both = [
        replace(pair, baseline=timing(Arm.BASELINE, **late))
        for pair in pairs(**late)  # type: ignore[arg-type]
    ]
    assert objections.disputed(both) == ""


def test_two_pairs_are_too_few_to_accuse_a_clock() -> None:
    assert objections.disputed(pairs(2, worker_s=(0.5,) * 4)) == ""


def test_a_few_milliseconds_are_no_dispute_however_short_the_call() -> None:
    assert objections.disputed(pairs(wall_s=0.004, worker_s=(0.001,) * 4)) == ""


@pytest.mark.parametrize(("echo_s", "too_much"), [(0.002, False), (0.005, True)])
def test_a_pipe_that_costs_a_tenth_of_the_margin_hides_the_change(
    echo_s: float, too_much: bool
) -> None:
    actual = [
        replace(pair, baseline=timing(Arm.BASELINE, echo_s=echo_s)) for pair in pairs(echo_s=echo_s)
    ]
    assert bool(objections.transport(actual, 0.03)) is too_much


def test_a_batch_shares_the_cost_of_one_answer() -> None:
    short: Mapping[str, object] = {"wall_s": 0.01, "echo_s": 2e-4, "calls": 25}
    both = [replace(pair, baseline=timing(Arm.BASELINE, **short)) for pair in pairs(**short)]  # type: ignore[arg-type]
    assert objections.transport(both, 0.03) == ""


def test_a_time_below_the_floor_is_named_with_the_case() -> None:
    assert "m / t took 0.01 s" in objections.below_floor(pairs(wall_s=0.01), {CASE: 0.02})
    assert objections.below_floor(pairs(wall_s=0.03), {CASE: 0.02}) == ""
    assert objections.below_floor(pairs(wall_s=0.01), {}) == ""


def reason(fault: Fault | None) -> str | None:
    return fault.reason if fault else None


def test_memory_that_every_call_leaves_behind_is_a_fault_unless_declared() -> None:
    grown = [
        replace(
            pair,
            baseline=timing(
                Arm.BASELINE, resident=((1, 100.0), (2, 100.1), (3, 100.1), (4, 100.1))
            ),
        )
        for pair in pairs(resident=((1, 100.0), (2, 150.0), (3, 200.0), (4, 250.0)))
    ]
    assert reason(fault_of(FINE, grown, frozenset())) == "grows"
    assert fault_of(FINE, grown, frozenset({Declaration.CACHE_ANSWERS})) is None


def test_memory_taken_once_is_not_growth() -> None:
    once = [
        replace(
            pair,
            baseline=timing(
                Arm.BASELINE, resident=((1, 100.0), (2, 100.1), (3, 100.1), (4, 100.1))
            ),
        )
        for pair in pairs(resident=((1, 150.0), (2, 150.1), (3, 150.1), (4, 150.1)))
    ]
    assert fault_of(FINE, once, frozenset()) is None


def test_memory_that_comes_and_goes_is_not_growth() -> None:
    wandering = [
        replace(pair, baseline=timing(Arm.BASELINE, resident=((1, 100.0), (2, 100.0), (3, 100.0))))
        for pair in pairs(resident=((1, 100.0), (2, 160.0), (3, 120.0), (4, 190.0), (5, 150.0)))
    ]
    assert fault_of(FINE, wandering, frozenset()) is None


def test_what_is_won_by_repeating_needs_a_declaration() -> None:
    kept = [
        replace(pair, baseline=timing(Arm.BASELINE, again_s=1.0)) for pair in pairs(again_s=0.01)
    ]
    fault = fault_of(FINE, kept, frozenset())
    assert reason(fault) == "repeats"
    assert "cache-answers" in (fault.sentence if fault else "")
    assert fault_of(FINE, kept, frozenset({Declaration.CACHE_ANSWERS})) is None


def test_a_patch_that_is_simply_faster_wins_nothing_by_repeating() -> None:
    quick = [
        replace(pair, baseline=timing(Arm.BASELINE, again_s=1.0))
        for pair in pairs(wall_s=0.3, again_s=0.3)
    ]
    assert fault_of(FINE, quick, frozenset()) is None
