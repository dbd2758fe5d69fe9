"""Before its first pair a bench says how long it will take and what it will be able to see."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from patcher.bench.forecast import Forecast, calibrate, forecast, noise_of
from patcher.bench.records import ProcessTiming
from patcher.bench.speed import FULL, QUICK, Word, decide
from patcher.execution.results import Arm
from patcher.report.bench_progress import expected
from tests.bench.bench_fakes import FakeClock, FakeStopwatch


def stopwatch(process_s: float = 10.0, second: float = 1.02) -> FakeStopwatch:
    return FakeStopwatch(
        seconds=lambda arm, run: 1.0 if run % 2 == 0 else second,
        clock=FakeClock(),
        process_s=process_s,
    )


def test_two_processes_of_the_baseline_give_the_time_and_the_noise() -> None:
    watch = stopwatch()
    actual, left_s = calibrate(watch, QUICK, 0.03, watch.clock)
    assert watch.order == "AA"
    assert left_s is None
    assert actual is not None
    assert (actual.pairs, actual.process_s, actual.total_s) == (6, 10.0, 120.0)
    assert actual.noise == pytest.approx(0.0251, abs=1e-3)
    assert actual.smallest_detectable is not None
    assert actual.smallest_detectable > 0.03


def test_the_budget_pays_for_the_calibration_and_bounds_the_pairs() -> None:
    watch = stopwatch()
    actual, left_s = calibrate(watch, FULL, 0.03, watch.clock, 20 * 10 + 20.0)
    assert left_s == 200.0
    assert actual is not None
    assert (actual.pairs, actual.total_s) == (10, 200.0)


def test_a_budget_below_the_first_look_says_that_nothing_will_be_decided() -> None:
    watch = stopwatch()
    actual, _ = calibrate(watch, QUICK, 0.03, watch.clock, 20 + 3 * 20.0)
    assert actual is not None
    assert (actual.pairs, actual.smallest_detectable) == (3, None)
    assert expected(actual) == (
        "timing takes about 1 min (3 pairs, two processes of 10.0 s each); a verdict takes 6 "
        "pairs, so it will stay undecided"
    )


def test_a_long_process_is_timed_once_and_noise_is_left_open() -> None:
    watch = replace(stopwatch(process_s=400.0), timed=1)
    actual, _ = calibrate(watch, QUICK, 0.03, watch.clock)
    assert watch.order == "A"
    assert actual is not None
    assert actual.noise is None
    assert expected(actual) == (
        "timing takes about 1 h 20 min (6 pairs, two processes of 400.0 s each); what it can see "
        "depends on noise that only the pairs will show"
    )


def test_a_baseline_that_fails_is_left_to_the_bench() -> None:
    watch = replace(stopwatch(), failure=lambda run: "boom")
    assert calibrate(watch, QUICK, 0.03, watch.clock, 100.0) == (None, 100.0)


def test_the_sentence_says_time_noise_and_the_smallest_change() -> None:
    actual = Forecast(6, 11.0, 132.0, 0.012, 0.043, 6)
    assert expected(actual) == (
        "timing takes about 2 min 12 s (6 pairs, two processes of 11.0 s each); with nothing "
        "changed a pair varies by 1.2% now, so it can see a change of 4.3% or more"
    )


def test_noise_that_hides_every_change_is_said_without_a_figure() -> None:
    text = expected(Forecast(6, 11.0, 132.0, 82.392, 3116.847, 6))
    assert "no change can be seen" in text
    assert "too busy" in text
    assert text.count("%") == 0
    assert "100.0% or more" in expected(Forecast(6, 11.0, 132.0, 0.3, 1.0, 6))


def test_more_noise_sees_less_and_more_pairs_see_more() -> None:
    def sees(noise: float, budget_s: float | None = None) -> float:
        actual = forecast(FULL, 1.0, noise, 0.03, budget_s).smallest_detectable
        assert actual is not None
        return actual

    assert sees(0.01) < sees(0.03) < sees(0.1)
    assert sees(0.05) < sees(0.05, budget_s=8 * 2.0)


def process(values: Callable[[], float], batches: int) -> ProcessTiming:
    watch = FakeStopwatch(timed=batches)
    timing = watch(Arm.BASELINE)
    return replace(
        timing,
        cases=tuple(
            replace(each, warm_s=tuple(values() for _ in range(batches))) for each in timing.cases
        ),
    )


def test_equal_medians_by_luck_do_not_hide_what_the_batches_vary_by() -> None:
    rng = random.Random(5)
    noisy = process(lambda: rng.gauss(1.0, 0.2), 9)
    actual = noise_of([noisy, noisy])
    assert actual is not None
    assert actual > 0.03


def test_what_is_forecast_is_what_the_statistics_call_four_times_out_of_five() -> None:
    noise, rng = 0.04, random.Random(7)
    seen = forecast(QUICK, 1.0, noise, 0.03, None).smallest_detectable
    assert seen is not None
    called = 0
    for _ in range(400):
        differences = [rng.gauss(-math.log1p(seen), noise) for _ in range(QUICK.pairs)]
        called += decide(differences, [], QUICK, 0.03).word is Word.FASTER
    assert 0.75 < called / 400 < 0.85
