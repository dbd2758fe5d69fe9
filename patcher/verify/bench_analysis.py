"""From finished pairs to one verdict: pure functions on `bench_records`.

The primary endpoint is one number a pair: the geometric mean over all cases of patched time over
baseline time. Single cases are only checked for regressions, corrected for how many there are.
"""

from __future__ import annotations

from math import fsum, log
from statistics import median
from typing import TYPE_CHECKING

from patcher.verify.bench_records import ARMS, CaseTiming, Pair
from patcher.verify.speed import BenchPlan, SpeedVerdict, decide, find_regressions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.verify.model import Arm, Case

# Arms whose token counts (or audio) differ by more than this did not do the same work.
LENGTH_TOLERANCE = 0.005

SECONDS = "seconds"
SECONDS_PER_AUDIO_SECOND = "seconds per audio second"


def judge_pairs(plan: BenchPlan, pairs: Sequence[Pair], margin: float) -> SpeedVerdict:
    """The verdict on finished pairs; ``margin`` is the device's (0.03 = 3 %)."""
    measure = endpoint_measure(pairs)
    cases = common_cases(pairs)

    def ratio(over: CaseTiming, under: CaseTiming) -> float:
        return log(measure(over) / measure(under))

    by_case = {
        case: [ratio(pair.patched.case(case), pair.baseline.case(case)) for pair in pairs]
        for case in cases
    }
    rounds = zip(*by_case.values(), strict=True)
    differences = [fsum(one_round) / len(cases) for one_round in rounds]
    same_arm = [
        fsum(ratio(second.arm(arm).case(case), first.arm(arm).case(case)) for case in cases)
        / len(cases)
        for first, second in blocks(pairs)
        for arm in ARMS
        if cases
    ]
    named = {str(case): values for case, values in by_case.items()}
    regressions = find_regressions(named, margin) if len(cases) > 1 else ()
    return decide(differences, same_arm, plan, margin, regressions=regressions)


def common_cases(pairs: Sequence[Pair]) -> tuple[Case, ...]:
    """The cases that every process of every pair timed, in the order of the matrix."""
    if not pairs:
        return ()
    timed = [{one.case for one in pair.arm(arm).cases} for pair in pairs for arm in ARMS]
    everywhere = set.intersection(*timed)
    return tuple(one.case for one in pairs[0].baseline.cases if one.case in everywhere)


def blocks(pairs: Sequence[Pair]) -> list[tuple[Pair, Pair]]:
    """The mirrored pairs (0 and 1, 2 and 3, ...) of which both were measured in one sitting.

    Within such a block each arm ran twice with nothing changed, which shows the noise; across an
    interruption the machine may have been any other.
    """
    by_index = {pair.index: pair for pair in pairs}
    found = []
    for index, first in sorted(by_index.items()):
        second = by_index.get(index + 1)
        if index % 2 == 0 and second is not None and first.sitting == second.sitting:
            found.append((first, second))
    return found


def lengths(pairs: Sequence[Pair], arm: Arm) -> dict[Case, float]:
    """Mean output length of each case on one arm: tokens where they are counted, else seconds.

    Cases that make neither are left out.
    """
    found = {}
    for case in common_cases(pairs):
        timings = [pair.arm(arm).case(case) for pair in pairs]
        values = [one.tokens if one.tokens is not None else one.audio_s for one in timings]
        known = [value for value in values if value]
        if known:
            found[case] = fsum(known) / len(known)
    return found


def length_confounded(pairs: Sequence[Pair]) -> tuple[Case, ...]:
    """The cases whose arms made outputs of different length, so that times alone mislead."""
    baseline, patched = (lengths(pairs, arm) for arm in ARMS)
    return tuple(
        case
        for case in baseline
        if case in patched and abs(patched[case] / baseline[case] - 1) > LENGTH_TOLERANCE
    )


def endpoint(pairs: Sequence[Pair]) -> str:
    """What is compared: seconds, or seconds per audio second when lengths differ.

    Sampling to an end token changes how much there is to do, and doing less is not being faster.
    Which of the two it is depends on lengths only, never on times.
    """
    rated = all(
        pair.arm(arm).case(c).rtf for pair in pairs for arm in ARMS for c in common_cases(pairs)
    )
    return SECONDS_PER_AUDIO_SECOND if length_confounded(pairs) and rated else SECONDS


def endpoint_measure(pairs: Sequence[Pair]) -> Callable[[CaseTiming], float]:
    """The function of one case's timing that `endpoint` names."""
    if endpoint(pairs) == SECONDS_PER_AUDIO_SECOND:
        return lambda timing: timing.rtf or timing.wall_s
    return lambda timing: timing.wall_s


def median_by_name(
    pairs: Sequence[Pair], arm: Arm, values: Callable[[CaseTiming], Mapping[str, float]]
) -> dict[str, float]:
    """The median over all processes and cases of an arm, by name (of a stage, for instance)."""
    collected: dict[str, list[float]] = {}
    for pair in pairs:
        for timing in pair.arm(arm).cases:
            for name, value in values(timing).items():
                collected.setdefault(name, []).append(value)
    return {name: median(found) for name, found in collected.items()}
