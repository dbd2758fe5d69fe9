"""The order of runs, on a fake executor: who runs when, with how much time, and what follows."""

from __future__ import annotations

from pathlib import Path

from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import Arm, Case, CaseResult, Outcome
from patcher.execution.runner import Batch, Runner, Silent
from patcher.targets.adapter import Model, Test
from tests.execution.fakes import FakeExecutor

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


def test_a_timeout_that_was_asked_for_holds_in_both_arms() -> None:
    executor = FakeExecutor()
    runner(executor, timeout_s=7).run(batches())
    assert set(executor.timeouts.values()) == {7}


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
