"""Estimates, intervals and tests on paired log ratios, checked against SciPy."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from patcher.bench import statistics

DISTINCT = st.lists(
    st.floats(-1, 1, allow_nan=False).filter(lambda value: abs(value) > 1e-6),
    min_size=6,
    max_size=20,
    unique_by=lambda value: round(abs(value), 7),
)


def scipy_p(differences: list[float], alternative: str = "two-sided") -> float:
    return float(stats.wilcoxon(differences, alternative=alternative, method="exact").pvalue)


@settings(max_examples=60, deadline=None)
@given(DISTINCT)
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_the_signed_rank_p_value_is_scipys(alternative: str, differences: list[float]) -> None:
    p_value = statistics.signed_rank_p(differences, alternative)  # type: ignore[arg-type]
    assert p_value == pytest.approx(scipy_p(differences, alternative), abs=1e-12)


@pytest.mark.parametrize("pairs", [6, 7, 8, 12, 16, 20])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.968, 0.984])
def test_the_interval_holds_exactly_the_shifts_scipy_does_not_reject(
    pairs: int, confidence: float
) -> None:
    rng = random.Random(pairs)
    differences = [rng.gauss(0.02, 0.05) for _ in range(pairs)]
    actual = statistics.interval(differences, confidence)
    rejected_below = 1 - actual.confidence + 1e-12
    inside, outside = 1e-9, -1e-9
    for end, direction in ((actual.low, 1), (actual.high, -1)):
        just_in = [d - (end + direction * inside) for d in differences]
        just_out = [d - (end + direction * outside) for d in differences]
        assert scipy_p(just_in) > rejected_below
        assert scipy_p(just_out) <= rejected_below


@pytest.mark.parametrize(
    ("pairs", "asked", "attained"),
    [(6, 0.968, 0.96875), (8, 0.984, 0.984375), (6, 0.984, 0.96875), (1, 0.95, 0.0)],
)
def test_the_interval_says_what_it_covers(pairs: int, asked: float, attained: float) -> None:
    differences = [0.01 * (1 + index) for index in range(pairs)]
    assert statistics.interval(differences, asked).confidence == attained


@pytest.mark.parametrize("pairs", [8, 12, 16, 20])
def test_every_look_attains_its_confidence_without_waste(pairs: int) -> None:
    differences = [math.sin(7 * index) for index in range(pairs)]
    assert 0.984 <= statistics.interval(differences, 0.984).confidence < 0.99


def test_coverage_under_random_signs_is_the_confidence_claimed() -> None:
    rng = random.Random(3)
    held = 0
    for _ in range(4000):
        actual = statistics.interval([rng.gauss(0.1, 1) for _ in range(8)], 0.95)
        held += actual.low <= 0.1 <= actual.high
    assert held / 4000 == pytest.approx(actual.confidence, abs=0.012)


@settings(max_examples=50, deadline=None)
@given(DISTINCT, st.floats(-2, 2, allow_nan=False))
def test_shifting_every_difference_shifts_estimate_and_interval(
    differences: list[float], shift: float
) -> None:
    plain = statistics.interval(differences, 0.95)
    moved = statistics.interval([d + shift for d in differences], 0.95)
    assert moved.estimate == pytest.approx(plain.estimate + shift, abs=1e-9)
    assert moved.low == pytest.approx(plain.low + shift, abs=1e-9)
    assert moved.high == pytest.approx(plain.high + shift, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(DISTINCT)
def test_swapping_the_arms_mirrors_the_interval(differences: list[float]) -> None:
    plain = statistics.interval(differences, 0.95)
    swapped = statistics.interval([-d for d in differences], 0.95)
    assert (swapped.low, swapped.high) == pytest.approx((-plain.high, -plain.low), abs=1e-12)


def test_one_spike_hardly_moves_the_estimate() -> None:
    calm = [0.010, 0.011, 0.009, 0.012, 0.008, 0.010, 0.011, 0.009]
    spiked = [*calm[:-1], 2.0]
    assert statistics.hodges_lehmann(spiked) == pytest.approx(0.010, abs=0.002)


def test_no_differences_have_no_interval() -> None:
    with pytest.raises(ValueError, match="at least one difference"):
        statistics.interval([], 0.95)


@pytest.mark.parametrize(
    ("raw", "corrected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holm_multiplies_step_by_step_and_never_decreases(
    raw: list[float], corrected: list[float]
) -> None:
    assert statistics.holm(raw) == pytest.approx(corrected)


def test_all_zero_differences_reject_nothing() -> None:
    assert statistics.signed_rank_p([0.0] * 8) == 1.0
    assert statistics.signed_rank_p([0.0] * 8, "greater") > 0.5


def test_the_noise_floor_shrinks_with_the_root_of_the_pairs() -> None:
    same_arm = [0.02, -0.02, 0.02, -0.02]
    assert statistics.noise_floor(same_arm, 16) == pytest.approx(1.4826 * 0.02 / 4)
    assert statistics.noise_floor([], 16) == 0.0


def test_more_pairs_are_needed_the_smaller_the_room_to_the_margin() -> None:
    wide = statistics.Interval(estimate=0.05, low=-0.01, high=0.11, confidence=0.98, count=8)
    assert statistics.pairs_needed(wide, 0.03) == 4  # 8 * (0.06 / 0.05)**2 = 11.5
    at_margin = statistics.Interval(0.03, -0.03, 0.09, 0.98, 8)
    assert statistics.pairs_needed(at_margin, 0.03) is None


def test_the_smallest_detectable_change_is_called_four_times_in_five() -> None:
    rng = random.Random(11)
    noise, pairs = 0.02, 20
    reference = statistics.interval([rng.gauss(0, noise) for _ in range(pairs)], 0.984)
    effect = statistics.smallest_detectable(reference, 0.03)
    called = 0
    for _ in range(600):
        actual = statistics.interval([rng.gauss(effect, noise) for _ in range(pairs)], 0.984)
        called += actual.low > 0 and actual.estimate > 0.03
    assert called / 600 == pytest.approx(0.8, abs=0.15)
