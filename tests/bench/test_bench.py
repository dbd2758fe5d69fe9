"""The timing run: order, looks, budget, resumption, and the re-run rule."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from patcher.bench import analysis
from patcher.bench import run as bench
from patcher.bench.lanes import Lanes
from patcher.bench.records import ProcessTiming, run_order
from patcher.bench.report import BenchReport
from patcher.bench.run import BenchRun, Rules, run_bench
from patcher.bench.speed import FULL, QUICK, BenchPlan, Word
from patcher.execution.results import Arm, Case, Outcome
from tests.bench.bench_fakes import FakeStopwatch, MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Callable


def go(
    watch: FakeStopwatch,
    plan: BenchPlan = FULL,
    ledger: MemoryLedger | None = None,
    budget_s: float | None = None,
) -> BenchRun:
    watch.timed = plan.timed
    rules = Rules(plan, "s", 0.03, budget_s)
    return run_bench(rules, Lanes([watch]), ledger or MemoryLedger(), clock=watch.clock)


def ratio(value: float) -> Callable[[Arm, int], float]:
    """A patched arm that takes ``value`` times as long, with a little even noise."""
    return lambda arm, run: (value if arm is Arm.PATCHED else 1.0) * (1 + 0.0003 * (run * 7 % 5))


def UNDECIDABLE(arm, run):
    return 1.0 + 0.4 * ((run * 7919) % 11) / 10  # noise and nothing else


def test_every_block_is_abba_or_baab() -> None:
    watch = FakeStopwatch(UNDECIDABLE)
    go(watch)
    assert len(watch.order) == 40
    blocks = re.findall("....", watch.order)
    assert set(blocks) == {"ABBA", "BAAB"}


def test_the_order_is_a_function_of_the_seed() -> None:
    orders = [
        "".join(str(run_order(i, seed)[0].value[0]) for i in range(0, 20, 2)) for seed in "pqr"
    ]
    assert len(set(orders)) > 1
    assert all(set(run_order(i, "p")) == set(Arm) for i in range(20))


def test_an_obvious_change_stops_at_the_first_look() -> None:
    watch = FakeStopwatch(ratio(0.8))
    run = go(watch)
    assert (run.verdict.word, run.stopped, len(run.pairs)) == (Word.FASTER, "decided", 8)
    assert BenchReport(run).figures.time_ratio == pytest.approx(0.8, abs=0.01)


def test_noise_goes_through_all_looks_and_stays_undecided() -> None:
    watch = FakeStopwatch(UNDECIDABLE)
    run = go(watch)
    assert (run.verdict.word, run.stopped, len(run.pairs)) == (Word.UNDECIDED, "all pairs", 20)


def test_quick_is_six_pairs_and_one_timed_generation() -> None:
    watch = FakeStopwatch(ratio(1.2))
    run = go(watch, QUICK)
    assert len(watch.order) == 12
    assert run.verdict.word is Word.SLOWER
    assert {len(case.warm_s) for pair in run.pairs for case in pair.patched.cases} == {1}


def test_the_budget_ends_the_run_at_a_whole_pair() -> None:
    watch = FakeStopwatch(UNDECIDABLE)
    run = go(watch, budget_s=200)
    assert run.stopped == "budget"
    assert len(run.pairs) == 3  # 54 s a pair; a fourth would end at 216 s
    assert len(watch.order) == 6
    assert run.verdict.reason == "too-few-pairs"
    assert run.verdict.pairs_needed


@pytest.mark.parametrize("killed_after", [1, 5, 11, 17])
def test_an_interrupted_run_resumes_without_repeating_finished_pairs(killed_after: int) -> None:
    whole = FakeStopwatch(UNDECIDABLE)
    uninterrupted = go(whole)

    class KilledError(Exception):
        pass

    ledger, watch = MemoryLedger(), FakeStopwatch(UNDECIDABLE)

    def dying(arm: Arm, patience: float, *, pair: str = "") -> object:
        if len(watch.arms) == killed_after:
            raise KilledError
        return watch(arm, patience)

    with pytest.raises(KilledError):
        run_bench(Rules(FULL, "s", 0.03), Lanes([dying]), ledger, clock=watch.clock)  # type: ignore[arg-type]
    finished = killed_after // 2
    assert len(ledger.rows) == finished
    rest = FakeStopwatch(UNDECIDABLE)
    resumed = go(rest, ledger=ledger)
    assert resumed.reused == finished
    assert rest.order == whole.order[2 * finished :]
    assert len(resumed.pairs) == len(uninterrupted.pairs)
    assert len(analysis.blocks(resumed.pairs)) == 10 - finished % 2


def test_a_finished_run_is_judged_again_without_running_anything() -> None:
    ledger = MemoryLedger()
    first = go(FakeStopwatch(ratio(0.9)), ledger=ledger)
    watch = FakeStopwatch()
    again = go(watch, ledger=ledger)
    assert watch.order == ""
    assert again.verdict == first.verdict


def test_a_disturbed_pair_is_run_again_in_both_arms_and_listed() -> None:
    watch = FakeStopwatch(UNDECIDABLE, disturbance=lambda run: "load" if run == 2 else "")
    run = go(watch, QUICK)
    assert len(watch.order) == 14
    assert watch.order[2:4] == watch.order[4:6]
    assert [(pair.index, pair.rejected) for pair in run.rejected] == [(1, "load")]
    assert [pair.attempt for pair in run.pairs] == [0, 1, 0, 0, 0, 0]


def test_a_pair_whose_arms_saw_unlike_processors_is_run_again() -> None:
    slow = {3: (2.1, 2.1), 4: (2.1, 2.1), 5: (2.1, 2.1)}
    watch = FakeStopwatch(UNDECIDABLE, probes=lambda run: slow.get(run, (2.0, 2.0)))
    run = go(watch, QUICK)
    assert [pair.index for pair in run.rejected] == [1]
    assert "1.05 times slower" in run.rejected[0].rejected
    assert run.pairs[1].disturbance == ""  # slow under both: fit to be compared


def test_bursts_that_average_out_are_let_pass() -> None:
    probes = {2: (2.0, 4.0, 2.0), 3: (2.0, 2.0, 4.0)}
    watch = FakeStopwatch(UNDECIDABLE, probes=lambda run: probes.get(run, (2.0,) * 3))
    assert not go(watch, QUICK).rejected


def test_the_noise_floor_compares_runs_at_one_speed() -> None:
    """The second pair of each block runs at half the processor's speed, in both arms."""
    seconds = lambda arm, run: 2.0 if run % 4 > 1 else 1.0  # noqa: E731
    probes = lambda run: (4.0, 4.0) if run % 4 > 1 else (2.0, 2.0)  # noqa: E731
    assert go(FakeStopwatch(seconds), QUICK).verdict.noise_floor > 0.5
    assert go(FakeStopwatch(seconds, probes=probes), QUICK).verdict.noise_floor == 0.0


def test_a_machine_that_is_never_quiet_still_ends() -> None:
    watch = FakeStopwatch(UNDECIDABLE, disturbance=lambda run: "load")
    run = go(watch, QUICK)
    assert len(run.pairs) == 6
    assert len(run.rejected) == QUICK.reruns


def test_a_load_that_stays_is_waited_for_twice_and_then_lived_with() -> None:
    watch = FakeStopwatch(UNDECIDABLE, disturbance=lambda run: "load")
    run = go(watch, FULL)
    assert [pair.index for pair in run.rejected] == [0, 0]
    assert len(watch.order) == 2 * (20 + 2)


def test_a_load_that_comes_back_after_a_quiet_run_is_waited_for_again() -> None:
    watch = FakeStopwatch(UNDECIDABLE, disturbance=lambda run: "load" if run // 2 != 5 else "")
    run = go(watch, FULL)
    assert [pair.index for pair in run.rejected] == [0, 0, 4, 4]


def test_arms_that_saw_unlike_processors_are_compared_anew_under_a_lasting_load_too() -> None:
    watch = FakeStopwatch(
        UNDECIDABLE,
        disturbance=lambda run: "load",
        probes=lambda run: (3.0, 3.0) if run == 12 else (2.0, 2.0),
    )
    assert [pair.index for pair in go(watch, FULL).rejected] == [0, 0, 4]


def test_a_slow_pair_on_a_quiet_machine_is_never_dropped() -> None:
    watch = FakeStopwatch(lambda arm, run: 50.0 if run == 3 else 1.0)
    run = go(watch, QUICK)
    assert not run.rejected
    assert len(watch.order) == 12


def fails_at(*runs: int) -> Callable[[int], str]:
    return lambda run: "SIGSEGV" if run in runs else ""


def test_a_baseline_that_crashes_while_timed_ends_the_run_and_is_named() -> None:
    order = [arm for i in range(3) for arm in run_order(i, "s")]
    run = go(FakeStopwatch(failure=fails_at(order.index(Arm.BASELINE, 4))))
    assert (run.stopped, run.fault) == ("failure", None)
    assert run.failed is not None
    assert run.failed.failure == "SIGSEGV"
    assert len(run.pairs) == 2
    assert run.verdict.word is Word.UNDECIDED


def test_a_patched_arm_that_crashes_while_timed_is_at_fault() -> None:
    order = [arm for i in range(3) for arm in run_order(i, "s")]
    run = go(FakeStopwatch(failure=fails_at(order.index(Arm.PATCHED, 4))))
    assert run.stopped == "fault"
    assert run.fault is not None
    assert run.fault.reason == "timed-crash"


def test_one_slow_generation_costs_its_pair_and_no_more() -> None:
    watch = FakeStopwatch(failure=fails_at(4), outcome=lambda run: Outcome.TIMEOUT)
    run = go(watch, QUICK)
    assert (run.stopped, len(run.pairs), len(run.lost)) == ("decided", 6, 1)
    assert watch.patience[4:9] == [1.0, 1.0, 2.0, 2.0, 1.0]
    assert run.fault is None


def test_an_arm_that_hangs_every_time_where_the_other_does_not_is_at_fault() -> None:
    class Hanging(FakeStopwatch):
        def __call__(self, arm: Arm, patience: float = 1.0, *, pair: str = "") -> ProcessTiming:
            timing = super().__call__(arm, patience)
            if arm is Arm.BASELINE:
                return timing
            return replace(timing, failure="no answer", outcome=Outcome.TIMEOUT)

    run = go(Hanging())
    assert run.fault is not None
    assert run.fault.reason == "timed-hang"
    assert [loss.arm for loss in run.lost] == [Arm.PATCHED] * 3


def test_a_machine_on_which_both_arms_are_lost_accuses_nobody() -> None:
    watch = FakeStopwatch(failure=lambda run: "killed", outcome=lambda run: Outcome.KILLED)
    run = go(watch)
    assert (run.stopped, run.fault) == ("failure", None)
    assert run.verdict.word is Word.NOT_MEASURED


def test_shorter_output_is_not_called_faster() -> None:
    def seconds(arm: Arm, run: int) -> float:
        return 0.5 if arm is Arm.PATCHED else 1.0

    watch = FakeStopwatch(seconds, tokens=lambda arm: 50 if arm is Arm.PATCHED else 100)
    run = go(watch)
    assert analysis.endpoint(run.pairs).name == "seconds per audio second"
    assert set(analysis.length_confounded(run.pairs)) == set(watch.cases)
    assert run.verdict.word is Word.NO_CHANGE


def test_half_a_per_cent_more_tokens_is_still_the_same_work() -> None:
    watch = FakeStopwatch(tokens=lambda arm: 1005 if arm is Arm.PATCHED else 1000)
    assert analysis.endpoint(go(watch).pairs).name == "seconds"


def test_every_case_weighs_the_same_whatever_its_length() -> None:
    short, long = Case("m", "short"), Case("m", "long")

    class TwoLengths(FakeStopwatch):
        def __call__(self, arm, patience=1.0, *, pair=""):  # type: ignore[no-untyped-def]
            timing = super().__call__(arm, patience)
            scale = {short: 0.001 * (0.8 if arm is Arm.PATCHED else 1), long: 1000.0}
            cases = tuple(
                type(each)(each.case, (scale[each.case],) * len(each.warm_s))
                for each in timing.cases
            )
            return type(timing)(arm, cases)

    run = go(TwoLengths(cases=(short, long)))
    assert BenchReport(run).figures.time_ratio == pytest.approx(0.8**0.5)


def test_a_withheld_bench_says_not_measured_and_why() -> None:
    speed = bench.withheld(QUICK, 0.03, "6 of 9 cases failed their gates").verdict
    assert speed.word == "not-measured"
    assert "6 of 9" in speed.sentence()
