"""How often each way of comparing timings is wrong: a simulator of a drifting, spiking machine.

    python -m patcher.bench.simulate [--sessions N] [--seed N]

prints the rate of false positives (identical arms) and the power (a patch that saves 3, 5 or
10 %) of this package's procedure beside block-after-block Welch, Mann-Whitney and fastest-run.
Standard library only; the same functions are the test of `statistics` and `speed`.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

from patcher.bench import statistics
from patcher.bench.speed import FULL, QUICK, BenchPlan, SpeedVerdict, Word, decide


@dataclass(frozen=True)
class Machine:
    """The noise of one session, relative to a run's true time.

    Attributes:
        noise: standard deviation of independent noise a run.
        drift: standard deviation of the slope over a whole session of 40 runs (heat, neighbours).
        wander, memory: standard deviation and lag-1 correlation of slow wandering.
        spike_rate, spike_size: how often a run is disturbed, and the mean slow-down when it is.
    """

    noise: float = 0.012
    drift: float = 0.03
    wander: float = 0.008
    memory: float = 0.9
    spike_rate: float = 0.06
    spike_size: float = 0.15

    def log_times(self, rng: random.Random, runs: int) -> list[float]:
        """Logarithms of the times of ``runs`` runs of the same work, in the order they ran."""
        slope = rng.gauss(0, self.drift) / 40
        wander, result = rng.gauss(0, self.wander), []
        for position in range(runs):
            wander = self.memory * wander + rng.gauss(
                0, self.wander * math.sqrt(1 - self.memory**2)
            )
            spike = 0.0
            if rng.random() < self.spike_rate:
                spike = math.log1p(rng.expovariate(1 / self.spike_size))
            result.append(slope * position + wander + rng.gauss(0, self.noise) + spike)
        return result


def blocks(
    rng: random.Random, machine: Machine, effect: float, runs: int
) -> tuple[list[float], list[float]]:
    """Baseline runs, then patched runs: what a before-and-after script measures."""
    times = machine.log_times(rng, 2 * runs)
    return times[:runs], [time + effect for time in times[runs:]]


def mirrored_pairs(
    rng: random.Random, machine: Machine, effect: float, pairs: int
) -> tuple[list[float], list[float]]:
    """Pair differences and same-arm differences of ABBA (or BAAB) blocks."""
    times = machine.log_times(rng, 2 * pairs)
    differences, same_arm = [], []
    for start in range(0, 2 * pairs, 4):
        first, second, third, fourth = times[start : start + 4]
        sign = rng.choice((1, -1))  # which arm opens the block
        differences += [sign * (second - first) + effect, sign * (third - fourth) + effect]
        same_arm += [fourth - first, third - second]
    return differences, same_arm


def student_quantile(probability: float, freedom: float) -> float:
    """Student's t quantile (Abramowitz and Stegun 26.7.5), good to 0.001 above 10 degrees."""
    z = NormalDist().inv_cdf(probability)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def welch(baseline: Sequence[float], patched: Sequence[float]) -> bool:
    """Welch's t-test at 5 %."""
    parts = [variance(arm) / len(arm) for arm in (baseline, patched)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(arm) - 1) for part, arm in zip(parts, (baseline, patched), strict=True)
    )
    score = abs(fmean(patched) - fmean(baseline)) / math.sqrt(sum(parts))
    return score > student_quantile(0.975, freedom)


def mann_whitney(baseline: Sequence[float], patched: Sequence[float]) -> bool:
    """The Mann-Whitney test at 5 %, by its normal approximation."""
    m, n = len(baseline), len(patched)
    wins = sum((p > b) + (p == b) / 2 for p in patched for b in baseline)
    score = abs(wins - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)
    return score > statistics.normal_quantile(0.975)


def fastest_run(baseline: Sequence[float], patched: Sequence[float]) -> bool:
    """The fastest runs differ by more than 1 %: the usual eyeballed rule."""
    return abs(min(patched) - min(baseline)) > math.log(1.01)


def follow(
    plan: BenchPlan, differences: Sequence[float], same_arm: Sequence[float], margin: float = 0.03
) -> SpeedVerdict:
    """The verdict that a bench following ``plan`` would stop with."""
    verdict = decide([], [], plan, margin)
    for look in plan.looks:
        verdict = decide(differences[:look], same_arm[:look], plan, margin)
        if verdict.decided:
            break
    return verdict


Judge = Callable[[random.Random, Machine, float], bool]


def _blockwise(test: Callable[[Sequence[float], Sequence[float]], bool]) -> Judge:
    return lambda rng, machine, effect: test(*blocks(rng, machine, effect, 20))


def _interval(rng: random.Random, machine: Machine, effect: float) -> bool:
    differences, _ = mirrored_pairs(rng, machine, effect, 20)
    result = statistics.interval(differences, 0.95)
    return result.low > 0 or result.high < 0


def _procedure(plan: BenchPlan) -> Judge:
    def judge(rng: random.Random, machine: Machine, effect: float) -> bool:
        verdict = follow(plan, *mirrored_pairs(rng, machine, effect, plan.pairs))
        return verdict.word in (Word.FASTER, Word.SLOWER)

    return judge


METHODS: dict[str, Judge] = {
    "Welch, block after block": _blockwise(welch),
    "Mann-Whitney, block after block": _blockwise(mann_whitney),
    "fastest run, block after block": _blockwise(fastest_run),
    "ABBA pairs, 95 % interval, one look at 20": _interval,
    "patcher, full (looks, margin, floor)": _procedure(FULL),
    "patcher, quick (6 pairs, margin, floor)": _procedure(QUICK),
}


def call_rate(
    judge: Judge, effect: float, *, sessions: int, seed: int, machine: Machine | None = None
) -> float:
    """The share of ``sessions`` simulated sessions in which ``judge`` calls a difference.

    Args:
        effect: the true ratio of times minus 1; 0.0 makes the rate one of false positives.
    """
    rng = random.Random(seed)
    machine = machine or Machine()
    shift = math.log1p(effect)
    return sum(judge(rng, machine, shift) for _ in range(sessions)) / sessions


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m patcher.bench.simulate", description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args(arguments)
    effects = (0.0, -0.03, -0.05, -0.10)
    print(f"{options.sessions} sessions a cell, {Machine()}")
    print(
        "| method | "
        + " | ".join("false positives" if not e else f"power at {e:+.0%}" for e in effects)
        + " |"
    )
    print("|---|" + "---|" * len(effects))
    for name, judge in METHODS.items():
        rates = [call_rate(judge, e, sessions=options.sessions, seed=options.seed) for e in effects]
        print(f"| {name} | " + " | ".join(f"{rate:.1%}" for rate in rates) + " |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
