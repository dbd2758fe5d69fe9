"""From finished pairs to one verdict: pure functions on `records`.

The primary endpoint is one number a pair: the geometric mean over all cases of patched time over
baseline time. Single cases are only checked for regressions, corrected for how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import fsum, log
from typing import TYPE_CHECKING

from patcher.bench.objections import objections
from patcher.bench.records import ARMS, CaseTiming, ProcessTiming, TimedPair, unlike_speed
from patcher.bench.speed import BenchPlan, SpeedVerdict, decide, find_regressions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.execution.results import Arm, Case

# Arms whose token counts (or audio) differ by more than this did not do the same work.
LENGTH_TOLERANCE = 0.005


@dataclass(frozen=True)
class Endpoint:
    """What is compared, over which cases.

    Attributes:
        name: ``seconds``, or ``seconds per audio second`` when the arms' outputs differ in length:
            sampling to an end token changes how much there is to do, and doing less is not being
            faster. Which of the two it is depends on lengths only, never on times.
    """

    name: str
    cases: tuple[Case, ...]

    def of(self, timing: CaseTiming) -> float:
        """The compared figure of one case in one process."""
        return (timing.rtf or timing.wall_s) if self.name != SECONDS else timing.wall_s

    def log_ratio(self, over: ProcessTiming, under: ProcessTiming) -> float:
        """Logarithm of the geometric mean ratio of two processes over all cases."""
        ratios = [self.of(over.case(case)) / self.of(under.case(case)) for case in self.cases]
        return fsum(map(log, ratios)) / len(ratios)


SECONDS = "seconds"
SECONDS_PER_AUDIO_SECOND = "seconds per audio second"


def endpoint(pairs: Sequence[TimedPair]) -> Endpoint:
    """The endpoint for these pairs, over the cases that every process timed."""
    cases = common_cases(pairs)
    timings = [pair.arm(arm).case(case) for pair in pairs for arm in ARMS for case in cases]
    rated = all(timing.rtf for timing in timings)
    name = SECONDS_PER_AUDIO_SECOND if rated and length_confounded(pairs) else SECONDS
    return Endpoint(name, cases)


def judge_pairs(
    plan: BenchPlan,
    pairs: Sequence[TimedPair],
    margin: float,
    floor_s: Mapping[Case, float] | None = None,
) -> SpeedVerdict:
    """The verdict on finished pairs.

    Args:
        margin: the device's (0.03 = 3 %).
        floor_s: the least a call of a case can take here, where that is known.
    """
    compared = endpoint(pairs)
    by_case = {
        str(case): [
            log(compared.of(pair.patched.case(case)) / compared.of(pair.baseline.case(case)))
            for pair in pairs
        ]
        for case in compared.cases
    }
    regressions = find_regressions(by_case, margin) if len(by_case) > 1 else ()
    differences, same_arm = pair_log_ratios(pairs), same_arm_log_ratios(pairs)
    against = objections(pairs, margin, floor_s or {})
    verdict = decide(differences, same_arm, plan, margin, against=against)
    return replace(verdict, regressions=regressions)


def pair_log_ratios(pairs: Sequence[TimedPair]) -> list[float]:
    """Each pair's ``ln(patched / baseline)``; empty when no case was timed everywhere."""
    compared = endpoint(pairs)
    return [compared.log_ratio(p.patched, p.baseline) for p in pairs if compared.cases]


def same_arm_log_ratios(pairs: Sequence[TimedPair]) -> list[float]:
    """Second run over first run of each arm in each block: 0 but for the machine's noise.

    Runs at unlike speeds of the processor are left out, as they are within a pair: pairs are
    compared at one speed, and it is their noise that is asked for.
    """
    compared = endpoint(pairs)
    runs = [(a.arm(arm), b.arm(arm)) for a, b in blocks(pairs) for arm in ARMS if compared.cases]
    return [
        compared.log_ratio(second, first)
        for first, second in runs
        if not unlike_speed(first, second)
    ]


def common_cases(pairs: Sequence[TimedPair]) -> tuple[Case, ...]:
    """The cases that every process of every pair timed, in the order of the matrix."""
    if not pairs:
        return ()
    timed = [{each.case for each in pair.arm(arm).cases} for pair in pairs for arm in ARMS]
    everywhere = set.intersection(*timed)
    return tuple(each.case for each in pairs[0].baseline.cases if each.case in everywhere)


def blocks(pairs: Sequence[TimedPair]) -> list[tuple[TimedPair, TimedPair]]:
    """The mirrored pairs (0 and 1, 2 and 3, ...) of which both were measured in one sitting.

    Within such a block each arm ran twice with nothing changed, which shows the noise; across an
    interruption the machine may have been any other.
    """
    by_index = {pair.index: pair for pair in pairs}
    result = []
    for index, first in sorted(by_index.items()):
        second = by_index.get(index + 1)
        if index % 2 == 0 and second is not None and first.sitting == second.sitting:
            result.append((first, second))
    return result


def lengths(pairs: Sequence[TimedPair], arm: Arm) -> dict[Case, float]:
    """Mean output length of each case on one arm: tokens where they are counted, else seconds.

    Cases that make neither are left out.
    """
    result = {}
    for case in common_cases(pairs):
        timings = [pair.arm(arm).case(case) for pair in pairs]
        values = [each.tokens if each.tokens is not None else each.audio_s for each in timings]
        known = [value for value in values if value]
        if known:
            result[case] = fsum(known) / len(known)
    return result


def length_confounded(pairs: Sequence[TimedPair]) -> tuple[Case, ...]:
    """The cases whose arms made outputs of different length, so that times alone mislead."""
    baseline, patched = (lengths(pairs, arm) for arm in ARMS)
    return tuple(
        case
        for case in baseline
        if case in patched and abs(patched[case] / baseline[case] - 1) > LENGTH_TOLERANCE
    )
