"""Rounds that a neighbour disturbed, on made-up clocks."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.bench import statistics
from patcher.bench.disturbed import disturbance, kept_rounds, more_rounds

STEADY = [10.0, 10.2, 9.9, 10.1, 10.0, 9.8]


def test_steady_rounds_are_all_kept() -> None:
    series = {"pristine": STEADY, "a": [s / 2 for s in STEADY]}
    assert disturbance(series).set_aside == frozenset()
    assert more_rounds(series, 6) == 0
    assert kept_rounds(series, 6) == (0, 1, 2, 3, 4, 5)


def test_a_round_is_disturbed_whoever_was_slow_in_it() -> None:
    """A round in which a neighbour made one of them five times as slow."""
    late = [*STEADY[:2], 50.0, *STEADY[3:]]
    for slow in ("pristine", "a"):
        series = {"pristine": STEADY, "a": STEADY, slow: late}
        result = disturbance(series)
        assert result.rounds == {2: (slow,)}
        assert more_rounds(series, 6) == 1
        again = {name: [*seconds, 10.0] for name, seconds in series.items()}
        assert more_rounds(again, 6) == 0
        assert kept_rounds(again, 6) == (0, 1, 3, 4, 5, 6)


def test_a_slowness_of_one_subject_alone_is_its_own_and_stays() -> None:
    series = {"pristine": STEADY, "a": [20.0, 10.0, 20.0, 10.0, 10.0, 20.0, 10.0][:6]}
    result = disturbance(series)
    assert result.own == "a"
    assert result.set_aside == frozenset()
    assert kept_rounds(series, 6) == tuple(range(6))


def test_slowness_of_several_is_a_neighbours() -> None:
    series = {
        "pristine": [10.0, 20.0, 10.0, 10.0, 10.0, 10.0, 10.0],
        "a": [5.0, 5.0, 9.0, 5.0, 8.0, 5.0, 5.0],
    }
    result = disturbance(series)
    assert not result.own
    assert result.set_aside == {1, 2, 4}


def test_measuring_again_has_a_budget_and_what_is_left_stays_in() -> None:
    noisy = [10.0, 30.0] * 6
    series = {"pristine": [*noisy[:10], 10.0, 10.0], "a": [10.0] * 10 + [30.0, 30.0]}
    assert len(disturbance(series).set_aside) == 7
    assert more_rounds(series, 6) == 0, "twice the planned rounds are the most"
    kept = kept_rounds(series, 6)
    assert len(kept) == 6
    assert 1 in kept, "the first of the disturbed ones fills up"


def test_few_rounds_say_nothing() -> None:
    assert disturbance({"pristine": [1.0, 9.0, 1.0], "a": [1.0, 1.0, 1.0]}).rounds == {}
    assert more_rounds({"pristine": [1.0] * 3, "a": [1.0] * 3}, 6) == 3
    assert kept_rounds({}, 6) == ()


seconds = st.lists(st.sampled_from([1.0, 1.1, 1.5, 6.0]), min_size=8, max_size=8)


@given(seconds, seconds)
def test_the_rule_does_not_see_which_arm_is_which(first: list[float], second: list[float]) -> None:
    each = {"pristine": first, "a": second}
    other = {"pristine": second, "a": first}
    assert kept_rounds(each, 6) == kept_rounds(other, 6)


@pytest.mark.parametrize("seed", [1, 2])
def test_identical_subjects_stay_alike_under_a_neighbour_and_intervals_are_narrower(
    seed: int,
) -> None:
    """300 runs in which a neighbour takes one turn of ten, five to fourteen times as long."""
    clock = random.Random(seed)

    def turn() -> float:
        neighbour = clock.uniform(5, 14) if clock.random() < 0.1 else 1.0
        return 10 * math.exp(clock.gauss(0, 0.01)) * neighbour

    wrong, width, width_before = 0, 0.0, 0.0
    for _ in range(300):
        series = {name: [turn() for _ in range(6)] for name in ("pristine", "a")}
        before = statistics.interval(statistics.log_ratios(series["a"], series["pristine"]), 0.968)
        while more := more_rounds(series, 6):
            for seconds in series.values():
                seconds.extend(turn() for _ in range(more))
        kept = kept_rounds(series, 6)
        after = statistics.interval(
            statistics.log_ratios(*([series[n][i] for i in kept] for n in ("a", "pristine"))),
            0.968,
        )
        wrong += after.low > 0 or after.high < 0
        width += after.high - after.low
        width_before += before.high - before.low
    assert wrong <= 0.06 * 300
    assert width < width_before / 3
