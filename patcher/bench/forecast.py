"""What a bench will take and what it will be able to see, said before its first pair.

Two processes of the baseline are timed first, as every process of the bench is. How long they take
gives the time; how far they and their own batches are apart gives the noise of a pair; noise and
number of pairs give the smallest change that the statistics can call.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import expm1, fsum, log, log1p, pi, sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from patcher.bench import statistics
from patcher.execution.results import Arm

if TYPE_CHECKING:
    from patcher.bench.lanes import Stopwatch
    from patcher.bench.records import ProcessTiming
    from patcher.bench.speed import BenchPlan

PROCESSES = 2
LONG_S = 120.0  # a second process that takes longer than this is not worth what it tells
# A normal value is sqrt(2 / pi) of its deviation away from its mean, on average.
FROM_DISTANCE = sqrt(pi / 2)
# A median of many varies more than their mean by this.
OF_MEDIAN = sqrt(pi / 2)
POWER = 0.8
DRAWS = 1000


@dataclass(frozen=True)
class Forecast:
    """What to expect of a bench.

    Attributes:
        pairs: as many as the plan or the budget allows.
        process_s: what one timing process takes.
        total_s: for all of them; an early look may end it sooner.
        noise: standard deviation of a pair's ratio with nothing changed (0.01 = 1 %); None where
            only one process was timed, with one call a case.
        smallest_detectable: the smallest change that would be called four times out of five
            (0.05 = 5 %); None when it is not known, or when there are too few pairs for a verdict.
        needed: pairs that the first verdict takes.
    """

    pairs: int
    process_s: float
    total_s: float
    noise: float | None
    smallest_detectable: float | None
    needed: int


def calibrate(
    stopwatch: Stopwatch,
    plan: BenchPlan,
    margin: float,
    clock: Callable[[], float],
    budget_s: float | None = None,
    lanes: int = 1,
) -> tuple[Forecast | None, float | None]:
    """Time the baseline against itself.

    Args:
        margin: the device's smallest change worth calling (0.03 = 3 %).
        clock: monotonic seconds.
        lanes: how many pairs are timed at once, each on a machine or a device of its own.

    Returns:
        The forecast, None where the baseline failed (the bench will say how), and what is left of
        the budget.
    """
    began_s = clock()
    timings: list[ProcessTiming] = []
    took_s = 0.0
    for _ in range(PROCESSES):
        before_s = clock()
        timing = stopwatch(Arm.BASELINE)
        took_s = clock() - before_s  # the last: the first one filled caches
        if timing.failure:
            return None, budget_s
        timings.append(timing)
        if took_s > LONG_S:
            break
    left_s = None if budget_s is None else max(0.0, budget_s - (clock() - began_s))
    return forecast(plan, took_s, noise_of(timings), margin, left_s, lanes), left_s


def forecast(
    plan: BenchPlan,
    process_s: float,
    noise: float | None,
    margin: float,
    budget_s: float | None,
    lanes: int = 1,
) -> Forecast:
    """The arithmetic of it.

    Args:
        process_s: what one timing process takes.
        noise: of a pair, in log units; None for unknown.
        margin: a relative change.
    """
    pairs = plan.pairs
    if budget_s is not None and process_s > 0:
        pairs = min(pairs, lanes * int(budget_s / (2 * process_s)))
    looked = max((look for look in plan.looks if look <= pairs), default=0)
    detectable = None
    if looked and noise is not None:
        edge, estimate = reach(looked, plan.confidence)
        detectable = expm1(max(edge * noise, log1p(margin) + estimate * noise))
    return Forecast(
        pairs=pairs,
        process_s=process_s,
        total_s=2 * pairs * process_s / min(lanes, max(1, plan.looks[0] // 2)),
        noise=None if noise is None else expm1(noise),
        smallest_detectable=detectable,
        needed=plan.looks[0],
    )


@lru_cache(maxsize=32)
def reach(pairs: int, confidence: float) -> tuple[float, float]:
    """How far an effect must lie from 1 to be called with `POWER`, in deviations of a pair.

    An effect is called when the interval leaves 1 out and the estimate is beyond the margin.
    Drawn, from one seed: with few pairs the interval of ranks is much wider than a formula says.

    Returns:
        For the edge of the interval, and for the estimate.
    """
    rng = random.Random(f"{pairs}/{confidence}")
    edges, estimates = [], []
    for _ in range(DRAWS):
        drawn = statistics.interval([rng.gauss(0.0, 1.0) for _ in range(pairs)], confidence)
        edges.append(drawn.high)
        estimates.append(drawn.estimate)
    at = int(POWER * DRAWS)
    return sorted(edges)[at], sorted(estimates)[at]


def noise_of(timings: Sequence[ProcessTiming]) -> float | None:
    """The deviation of a pair's log ratio, from processes of one arm; None for too little to tell.

    Two processes give one distance, which may be small by luck. What the batches within them vary
    by is a lower bound that luck does not touch.
    """
    within = _within(timings)
    result = [] if within is None else [within]
    cases = [one.case for one in timings[0].cases]
    for one, other in pairwise(timings):
        logs = [log(other.case(case).wall_s / one.case(case).wall_s) for case in cases]
        result.append(abs(fsum(logs)) / len(logs) * FROM_DISTANCE)
    return max(result, default=None)


def _within(timings: Sequence[ProcessTiming]) -> float | None:
    """What the medians of two processes differ by if only their batches vary."""
    variances = []
    for timing in timings:
        for case in timing.cases:
            if len(case.warm_s) < 3:
                return None
            logs = [log(value) for value in case.warm_s]
            variances.append((OF_MEDIAN * stdev(logs)) ** 2 / len(logs))
    if not variances:
        return None
    cases = len(timings[0].cases)
    return sqrt(2 * fmean(variances) / cases)
