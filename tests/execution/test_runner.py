"""The order of runs, on a fake executor: who runs when, with how much time, and what follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from patcher.execution.flights import Batch
from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import Arm, Case, CaseResult, Outcome
from patcher.execution.runner import Runner, Silent
from patcher.targets.adapter import Model, Test
from tests.execution.fakes import FakeExecutor, FakeExtensible

MODELS = tuple(Model(name) for name in "ABC")
TESTS = tuple(Test(name) for name in ("one", "two", "three"))
SITES = {
    arm: WorkerSite(FrozenTree(Path(), arm.value, (), {}), "m:f", Path("logs"), Path("stages"))
    for arm in Arm
}


def batches(*arms: Arm) -> list[Batch]:
    return [Batch(arm, model, TESTS) for arm in arms or tuple(Arm) for model in MODELS]


def runner(executor: FakeExecutor, timeout_s: float | None = None) -> Runner:
    return Runner(executor, SITES, Silent(), timeout_s=timeout_s)


def test_baselines_go_first_and_no_slot_idles_for_them() -> None:
    executor = FakeExecutor()
    results = runner(executor).run(batches())
    assert executor.starts == [(arm.value, model) for arm in Arm for model in "ABC"]
    assert len(results) == 18
    assert executor.now == 3 * 4  # six jobs of four steps, two at a time


def test_a_patched_model_waits_for_its_own_baseline_only() -> None:
    slow_c = lambda arm, model, test: 9.0 if model == "C" else 1.0  # noqa: E731
    executor = FakeExecutor(count=3, seconds=slow_c)
    runner(executor).run(batches())
    assert executor.starts == [
        ("baseline", "A"),
        ("baseline", "B"),
        ("baseline", "C"),
        ("patched", "A"),
        ("patched", "B"),
        ("patched", "C"),
    ]
    started = {(arm, model): at for at, what, arm, model, _ in executor.log if what == "start"}
    assert started["patched", "B"] == 4
    assert started["patched", "C"] == 4 * 9


def test_a_patched_case_may_take_ten_times_its_baseline_and_at_least_half_a_minute() -> None:
    seconds = lambda arm, model, test: 20.0 if test == "two" else 1.0  # noqa: E731
    executor = FakeExecutor(seconds=seconds)
    runner(executor).run(batches())
    assert executor.timeouts["patched", "A", "one"] == 30
    assert executor.timeouts["patched", "A", "two"] == 200
    assert executor.timeouts["baseline", "A", "two"] == 600


def test_one_worker_an_arm_takes_model_after_model_each_case_after_its_baseline() -> None:
    executor = FakeExtensible(seconds=lambda arm, model, test: 1.0 if test else 5.0)
    results = runner(executor).run(batches())
    assert executor.starts == [("baseline", "A"), ("patched", "A")]
    assert len(results) == 18
    ended = {(arm, model, test): at for at, arm, model, test in executor.ended}
    for model in "ABC":
        for test in ("one", "two", "three"):
            assert ended["patched", model, test] == ended["baseline", model, test] + 1
    assert executor.now == 3 * (5 + 3) + 1  # loading beside the baseline, one case behind it


def test_with_more_slots_models_are_shared_out() -> None:
    executor = FakeExtensible(count=4)
    results = runner(executor).run(batches())
    assert executor.starts == [(arm.value, model) for arm in Arm for model in "AB"]
    assert len(results) == 18


def test_one_arm_alone_takes_all_slots() -> None:
    executor = FakeExtensible()
    runner(executor).run(batches(Arm.PATCHED))
    assert executor.starts == [("patched", "A"), ("patched", "B")]


def test_on_one_slot_the_patched_arm_follows() -> None:
    executor = FakeExtensible(count=1)
    assert len(runner(executor).run(batches())) == 18
    assert executor.starts == [("baseline", "A"), ("patched", "A")]


def test_a_patched_case_in_a_shared_worker_may_take_ten_times_its_baseline() -> None:
    seconds = lambda arm, model, test: 20.0 if test == "two" else 1.0  # noqa: E731
    executor = FakeExtensible(seconds=seconds)
    runner(executor).run(batches())
    assert executor.timeouts["patched", "B", "one"] == 30
    assert executor.timeouts["patched", "B", "two"] == 200


def test_loading_is_timed_out_by_the_baselines_as_soon_as_that_is_known() -> None:
    slow = lambda arm, model, test: 9.0 if (arm, test) == ("patched", "") else 8.0  # noqa: E731
    executor = FakeExtensible(seconds=slow)
    runner(executor).run(batches())
    assert [*dict.fromkeys(executor.hurried)] == [("patched", model, 80) for model in "ABC"]


@pytest.mark.parametrize("arm", Arm)
@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.TIMEOUT])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_whatever_a_worker_dies_of_all_other_cases_have_their_result(
    arm: Arm, outcome: Outcome, count: int
) -> None:
    dies = (arm.value, "B", "two")
    executor = FakeExtensible(
        count=count,
        outcome=lambda *case: outcome if case == dies else Outcome.OK,
    )
    results = runner(executor).run(batches())
    assert len(results) == 18
    assert [key for key, actual in results.items() if not actual.ok] == [(arm, Case("B", "two"))]


def test_a_model_that_only_the_patched_arm_cannot_open_fails_its_own_cases() -> None:
    executor = FakeExtensible(
        outcome=lambda *case: Outcome.EXCEPTION if case == ("patched", "A", "") else Outcome.OK
    )
    results = runner(executor).run(batches())
    failed = {case for (_, case), actual in results.items() if actual.failure is not None}
    assert {case.model for case in failed} == {"A"}
    assert len(results) == 18


def test_a_model_that_neither_arm_opens_says_nothing_of_the_patch() -> None:
    executor = FakeExtensible(
        outcome=lambda arm, model, test: (
            Outcome.EXCEPTION if (model, test) == ("A", "") else Outcome.OK
        )
    )
    opened: set[str] = set()

    def see(result: CaseResult) -> bool:
        opened.update([result.case.model] if result.arm is Arm.BASELINE and result.ok else [])
        return False

    results = runner(executor).run(
        batches(),
        admit=lambda arm, case: arm is Arm.BASELINE or case.model in opened,
        on_result=see,
    )
    assert {case.model for arm, case in results if arm is Arm.PATCHED} == {"B", "C"}


def test_what_is_repeated_has_a_worker_of_its_own() -> None:
    executor = FakeExtensible()
    again = [Batch(Arm.PATCHED, model, TESTS, "retry") for model in MODELS]
    runner(executor).run(again)
    assert executor.starts == [("patched", model) for model in "ABC"]


def test_a_timeout_that_was_asked_for_holds_in_both_arms() -> None:
    executor = FakeExecutor()
    runner(executor, timeout_s=7).run(batches())
    calls = {limit_s for (_, _, test), limit_s in executor.timeouts.items() if test}
    assert calls == {7}


def test_after_a_crash_a_fresh_worker_goes_on_with_the_rest_at_once() -> None:
    executor = FakeExecutor(
        count=1,
        outcome=lambda arm, model, test: (
            Outcome.CRASHED if (arm, model, test) == ("patched", "A", "one") else Outcome.OK
        ),
    )
    results = runner(executor).run(batches())
    assert results[Arm.PATCHED, Case("A", "one")].outcome is Outcome.CRASHED
    assert results[Arm.PATCHED, Case("A", "two")].outcome is Outcome.OK
    starts = [(arm, model, tests) for _, what, arm, model, tests in executor.log if what == "start"]
    assert starts[3:5] == [
        ("patched", "A", ("one", "two", "three")),
        ("patched", "A", ("two", "three")),
    ]


def test_after_a_hang_its_like_runs_last() -> None:
    executor = FakeExecutor(
        count=1,
        outcome=lambda arm, model, test: (
            Outcome.TIMEOUT if (arm, model, test) == ("patched", "A", "one") else Outcome.OK
        ),
    )
    results = runner(executor).run(batches())
    assert executor.starts[-1] == ("patched", "A")
    assert executor.starts[-3:-1] == [("patched", "B"), ("patched", "C")]
    assert len(results) == 18


def test_a_model_that_cannot_be_opened_fails_all_its_cases_in_one_worker() -> None:
    executor = FakeExecutor(
        outcome=lambda arm, model, test: (
            Outcome.EXCEPTION if (arm, model, test) == ("patched", "B", "") else Outcome.OK
        )
    )
    results = runner(executor).run(batches())
    failed = [case for (arm, case), actual in results.items() if actual.failure is not None]
    assert failed == [Case("B", name) for name in ("one", "two", "three")]
    assert executor.starts.count(("patched", "B")) == 1


def test_cases_that_are_not_admitted_start_no_worker() -> None:
    executor = FakeExecutor()
    results = runner(executor).run(
        batches(), admit=lambda arm, case: arm is Arm.BASELINE or case.model == "A"
    )
    assert [model for arm, model in executor.starts if arm == "patched"] == ["A"]
    assert len(results) == 12


def test_a_run_that_is_told_to_end_cancels_what_is_running() -> None:
    executor = FakeExecutor()
    results = runner(executor).run(batches(), on_result=lambda result: True)
    assert len(results) == 1
    assert len(executor.cancelled) == 2


def test_results_of_first_runs_are_kept_as_they_come_and_those_of_repeats_are_not() -> None:
    kept: list[CaseResult] = []
    executor = FakeExecutor()
    reported = Runner(executor, SITES, Silent(), keep=kept.append)
    reported.run([Batch(Arm.BASELINE, MODELS[0], TESTS)])
    assert [result.case.test for result in kept] == ["one", "two", "three"]
    reported.run([Batch(Arm.BASELINE, MODELS[0], TESTS, "control")])
    assert len(kept) == 3
