"""What a bench prints: the table of both arms, lengths, stages, cold and warm."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from patcher.bench import run as bench
from patcher.bench.figures import PairNote, SpeedFigures
from patcher.bench.lanes import Lanes
from patcher.bench.records import ProcessTiming
from patcher.bench.report import BenchReport, cold_and_warm, table_rows
from patcher.bench.run import Rules, run_bench
from patcher.bench.speed import QUICK, BenchPlan
from patcher.execution.results import Arm, Case, CaseResult, Measure, Outcome
from patcher.results import as_json
from patcher.results.reading import from_json
from tests.bench.bench_fakes import FakeStopwatch, MemoryLedger

ROW = {"model", "tests", "avg_gen_s", "avg_rtf", "avg_vram_mb", "min_rtf", "max_rtf"}
SPEED = {
    "time_ratio", "low", "high", "confidence", "verdict", "pairs", "margin", "noise_floor",
    "smallest_detectable",
}  # fmt: skip


def report(watch: FakeStopwatch, plan: BenchPlan = QUICK) -> BenchReport:
    run = run_bench(Rules(plan, "s", 0.03), Lanes([watch]), MemoryLedger(), clock=watch.clock)
    return BenchReport(run)


def slower(arm: Arm, run: int) -> float:
    return 1.2 if arm is Arm.PATCHED else 1.0


def test_the_table_has_the_reports_columns_for_both_arms() -> None:
    table = report(FakeStopwatch(slower)).table
    (baseline,), (patched,), (ratio,) = table.baseline, table.patched, table.ratio
    assert {each.name for each in fields(baseline)} >= ROW
    assert baseline.tests == 2
    assert baseline.avg_gen_s == pytest.approx(1.0)
    assert patched.avg_gen_s == pytest.approx(1.2)
    assert patched.avg_rtf == pytest.approx(1.2 / (12 / 25))
    assert patched.avg_x_realtime == pytest.approx((12 / 25) / 1.2)
    assert ratio.avg_gen_s == pytest.approx(1.2)
    assert table.source == "timed pairs"


def test_min_and_max_rtf_are_over_the_tests_of_a_model() -> None:
    measures = [
        (Case("m", "short"), Measure(1.0, audio_s=2.0)),
        (Case("m", "long"), Measure(6.0, audio_s=4.0)),
        (Case("silent", "t"), Measure(3.0)),
    ]
    with_audio, without = table_rows(measures)
    assert (with_audio.min_rtf, with_audio.max_rtf) == (0.5, 1.5)
    assert with_audio.avg_rtf == 1.0
    assert (without.avg_gen_s, without.avg_rtf, without.avg_vram_mb) == (3.0, None, None)


def test_an_arm_that_failed_its_gates_shows_what_the_gates_measured_and_says_so() -> None:
    def ran(arm: Arm, test: str, outcome: Outcome = Outcome.OK) -> CaseResult:
        return CaseResult(Case("m", test), arm, outcome, measure=Measure(2.0, 1.0, 25))

    runs = {
        Arm.BASELINE: [ran(Arm.BASELINE, "a"), ran(Arm.BASELINE, "b")],
        Arm.PATCHED: [ran(Arm.PATCHED, "a"), ran(Arm.PATCHED, "b", Outcome.EXCEPTION)],
    }
    actual = BenchReport(bench.withheld(QUICK, 0.03, "1 of 2 cases failed"), runs)
    table = actual.table
    assert [row.tests for row in table.baseline] == [2]
    assert [row.tests for row in table.patched] == [1]
    assert table.ratio == []
    assert "gates" in table.source
    assert actual.figures.verdict == "not-measured"
    assert "1 of 2 cases failed" in actual.sentence()


def test_everything_said_is_json_and_names_the_stage_and_its_rates() -> None:
    speed = report(FakeStopwatch(slower)).figures
    written = as_json(speed)
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert set(written) >= SPEED
    assert from_json(SpeedFigures, written).pairs == speed.pairs
    (stage,) = speed.stages
    assert stage.name == "t3"
    assert stage.baseline_s_per_token == pytest.approx(0.75 / 12)
    assert stage.time_ratio == pytest.approx(1.2)
    assert speed.pair_ratios == pytest.approx([1.2] * 6)


def test_arms_of_different_length_are_marked_and_both_lengths_are_told() -> None:
    watch = FakeStopwatch(tokens=lambda arm: 50 if arm is Arm.PATCHED else 100)
    actual = report(watch)
    speed = actual.figures
    assert speed.length_confounded == ["m1 / t1", "m1 / t2"]
    assert speed.lengths["baseline"]["m1 / t1"] == 100
    assert speed.lengths["patched"]["m1 / t1"] == 50
    assert "length-confounded" in actual.sentence()


def test_an_a_a_run_that_calls_a_difference_says_that_it_is_wrong() -> None:
    run = report(FakeStopwatch(slower)).run
    reported = BenchReport(run, aa=True)
    assert reported.figures.aa
    assert "both arms are the baseline" in reported.sentence()
    assert "that is wrong" in reported.sentence()
    quiet = BenchReport(report(FakeStopwatch()).run, aa=True)
    assert "that is wrong" not in quiet.sentence()


def test_a_rerun_and_a_disturbed_pair_are_listed() -> None:
    watch = FakeStopwatch(disturbance=lambda run: "load" if run < 5 else "")
    speed = report(watch).figures
    assert list(speed.rerun) == [PairNote(0, "load")] * QUICK.reruns
    assert list(speed.disturbed) == [PairNote(0, "load")]


def test_a_slow_start_pays_after_so_many_calls() -> None:
    def compiled(arm: Arm, run: int) -> float:
        return 0.5 if arm is Arm.PATCHED else 1.0

    class SlowFirst(FakeStopwatch):
        def __call__(self, arm, plan, *, pair=""):  # type: ignore[no-untyped-def]
            timing = super().__call__(arm, plan)
            first_s = 11.0 if arm is Arm.PATCHED else 1.0
            cases = tuple(
                type(one)(one.case, one.warm_s, cold_s=first_s, tokens=12) for one in timing.cases
            )
            return type(timing)(arm, cases)

    pairs = report(SlowFirst(compiled)).run.pairs
    actual = cold_and_warm(pairs)
    assert actual.patched.first_call_s == 11.0
    # 10 s more at the first call, half a second less at each later one
    assert actual.pays_after_calls == 21
    assert cold_and_warm(report(FakeStopwatch(slower)).run.pairs).pays_after_calls is None


def test_inputs_that_came_again_and_again_are_said_beside_the_word() -> None:
    class Repeating(FakeStopwatch):
        def __call__(self, arm: Arm, patience: float = 1.0, *, pair: str = "") -> ProcessTiming:
            timing = super().__call__(arm, patience)
            return replace(timing, cases=tuple(replace(one, fresh=False) for one in timing.cases))

    class Few(FakeStopwatch):
        def __call__(self, arm: Arm, patience: float = 1.0, *, pair: str = "") -> ProcessTiming:
            timing = super().__call__(arm, patience)
            few = (replace(each, fresh=False, different=(8, 577)) for each in timing.cases)
            return replace(timing, cases=tuple(few))

    few = report(Few(slower))
    (sentence,) = few.figures.caveats
    assert sentence in few.sentence()
    assert "again (m1 / t1, 8 different ones in 577 calls; m1 / t2, 8 different" in sentence

    actual = report(Repeating(slower))
    assert actual.figures.repeating_cases == ["m1 / t1", "m1 / t2"]
    assert actual.figures.caveats == []  # a note of the workload says it already
    assert "(m1 / t1; m1 / t2): kept answers would count" in actual.sentence()
    assert "kept answers" not in report(FakeStopwatch(slower)).sentence()
