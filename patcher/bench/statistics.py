"""Statistics of paired timings: pure functions on lists of numbers, standard library only.

The unit is a pair of processes that ran next to each other; its observation is
``d = ln(patched seconds) - ln(baseline seconds)``, so 0 is "no change" and the exponential of an
estimate is a ratio of times. Everything here is rank-based: a spike counts as one large
difference, never as its size.

Sources: Hodges and Lehmann (1963) for the estimate; Hollander, Wolfe and Chicken, *Nonparametric
Statistical Methods* (2014), section 3.3, for the interval by order statistics of Walsh averages;
Holm (1979) for the correction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval around it, in log units.

    Attributes:
        confidence: the exact coverage attained, at least the one asked for unless there are too
            few observations to attain it.
        count: the number of observations.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    count: int

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    @property
    def standard_error(self) -> float:
        """The interval's half width in units of the normal quantile; infinite below two pairs."""
        if self.confidence <= 0:
            return math.inf
        return self.half_width / normal_quantile(0.5 + self.confidence / 2)


def normal_quantile(probability: float) -> float:
    """The standard normal value that is not exceeded with ``probability``."""
    return NormalDist().inv_cdf(probability)


def log_ratios(patched: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """``ln(patched) - ln(baseline)`` of each pair; both in the same unit, all above 0."""
    return [math.log(p) - math.log(b) for p, b in zip(patched, baseline, strict=True)]


def walsh_averages(differences: Sequence[float]) -> list[float]:
    """All ``(d_i + d_j) / 2`` with ``i <= j``, sorted: ``n (n + 1) / 2`` of them."""
    count = len(differences)
    return sorted(
        (differences[i] + differences[j]) / 2 for i in range(count) for j in range(i, count)
    )


def hodges_lehmann(differences: Sequence[float]) -> float:
    """The median of the Walsh averages: where the differences are centred."""
    return median(walsh_averages(differences))


@lru_cache(maxsize=64)
def signed_rank_cumulative(count: int) -> tuple[float, ...]:
    """``P(T <= t)`` for t = 0, 1, ..., n(n+1)/2, where T is the sum of a random half of the ranks.

    Under the null hypothesis each rank 1..n has a positive sign with probability one half, so the
    number of ways to reach t is the number of subsets of 1..n that sum to t.
    """
    ways = [1]
    for rank in range(1, count + 1):
        grown = ways + [0] * rank
        for total, number in enumerate(ways):
            grown[total + rank] += number
        ways = grown
    total, cumulative = 0, []
    for number in ways:
        total += number
        cumulative.append(total / 2**count)
    return tuple(cumulative)


def interval(differences: Sequence[float], confidence: float) -> Interval:
    """Hodges-Lehmann estimate with its exact signed-rank interval.

    The interval runs from the k-th smallest to the k-th largest Walsh average, with the largest k
    that still covers ``confidence``; its coverage is ``1 - 2 P(T <= k - 1)``. With too few
    differences for that it is the whole range, and ``Interval.confidence`` says what it covers.

    Raises:
        ValueError: no differences.
    """
    if not differences:
        raise ValueError("an interval needs at least one difference")
    averages = walsh_averages(differences)
    cumulative = signed_rank_cumulative(len(differences))
    k = 1
    while 2 * (k + 1) <= len(averages) and 1 - 2 * cumulative[k] >= confidence:
        k += 1
    return Interval(
        estimate=median(averages),
        low=averages[k - 1],
        high=averages[-k],
        confidence=1 - 2 * cumulative[k - 1],
        count=len(differences),
    )


def may_exclude_1(differences: Sequence[float], count: int, confidence: float) -> bool:
    """Whether an interval over ``count`` differences could still lie below 0, given the first.

    Those still missing are taken to be as far below as can be. Six pairs at 96.9 % reach from the
    least to the greatest, so that the first one above 0 settles it.
    """
    missing = max(0, count - len(differences))
    best = [*differences, *[-math.log(1e9)] * missing]
    return interval(best, confidence).high < 0


def signed_rank_p(differences: Sequence[float], alternative: Alternative = "two-sided") -> float:
    """Exact p-value of the Wilcoxon signed-rank test that the differences are centred at 0.

    T+ is the number of positive Walsh averages; an average that is 0 counts half, rounded towards
    the null hypothesis.
    """
    if not differences:
        return 1.0
    averages = walsh_averages(differences)
    cumulative = signed_rank_cumulative(len(differences))
    positive = sum(average > 0 for average in averages)
    zero = sum(average == 0 for average in averages)
    low, high = positive + math.ceil(zero / 2), positive + zero // 2
    less = cumulative[low]
    greater = 1.0 - (cumulative[high - 1] if high else 0.0)
    if alternative == "less":
        return less
    if alternative == "greater":
        return greater
    return min(1.0, 2 * min(less, greater))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down corrected p-values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected, worst = [0.0] * len(p_values), 0.0
    for step, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - step) * p_values[index]))
        corrected[index] = worst
    return corrected


def noise_floor(same_arm: Sequence[float], pairs: int) -> float:
    """The error that noise alone gives an estimate over ``pairs`` pairs, in log units.

    ``same_arm`` holds ``ln(second) - ln(first)`` of the two runs of one arm within each block of
    two mirrored pairs: differences whose true value is 0. Their median absolute size, scaled to a
    standard deviation (1.4826, normal), over the root of the pairs, is one standard error,
    measured without looking at the effect. 0.0 when there is nothing to measure it from.
    """
    if not same_arm or pairs < 1:
        return 0.0
    return 1.4826 * median(abs(value) for value in same_arm) / math.sqrt(pairs)


def smallest_detectable(measured: Interval, margin: float, power: float = 0.8) -> float:
    """The smallest true effect these pairs would have called, with ``power``, in log units.

    An effect is called when the estimate passes both the margin and the interval's half width;
    noise must not bring it below them more than ``1 - power`` of the time.
    """
    error = measured.standard_error
    return max(margin, measured.half_width) + normal_quantile(power) * error


def pairs_needed(measured: Interval, margin: float, *, most: int = 1000) -> int | None:
    """How many more pairs would decide if the estimate stayed where it is.

    The half width shrinks with the root of the pairs: it must come below the estimate (when that
    is beyond the margin) or below the room between estimate and margin. A multiple of two, as
    pairs come in mirrored blocks; None for more than ``most``.
    """
    if measured.count < 2:
        return None
    size = abs(measured.estimate)
    room = size if size > margin else margin - size
    if room <= 0:
        return None
    needed = measured.count * (measured.half_width / room) ** 2
    more = max(0, math.ceil(needed) - measured.count)
    more += more % 2
    return more if more <= most else None
