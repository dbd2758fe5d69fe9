"""What stands against a timing, whatever its ratio: pure functions on pairs.

The parent's clock decides; here it is held against the worker's own, against what the pipe costs,
against what the memory of this machine can deliver, and calls against calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import fmean, median
from typing import TYPE_CHECKING

from patcher.bench import statistics
from patcher.bench.records import ARMS, Fault
from patcher.execution.results import Arm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.bench.records import CaseTiming, TimedPair
    from patcher.execution.results import Case

# The clocks may differ by this share of a call, and by this many seconds: a process is not always
# awake when its answer arrives.
CLOCK_SHARE, CLOCK_S = 0.05, 0.005
# ... or by twice what three quarters of the baseline's calls stay below: a busy machine is late
# under both arms. Fewer pairs than these say nothing about it.
CLOCK_TIMES, CLOCK_PAIRS = 2.0, 4
# The way may cost this share of the change that is looked for.
WAY_SHARE = 0.1
# A call may leave so much more memory behind than on the baseline.
GROWTH_MIB = 2.0
# An input asked for again may gain so much more than on the baseline.
REPEAT_RATIO = 0.8

MOST_SEEN = 1.0
"""A bench whose smallest detectable change is more than this (100 %) can see nothing."""


@dataclass(frozen=True)
class Objections:
    """Empty texts where nothing stands against the timing."""

    impossible: str = ""
    disputed: str = ""
    transport: str = ""


NONE = Objections()


def objections(
    pairs: Sequence[TimedPair], margin: float, floor_s: Mapping[Case, float]
) -> Objections:
    """Everything that stands against these pairs.

    Args:
        margin: the smallest change worth calling, relative.
        floor_s: the least that a call of a case can take here, where that is known.
    """
    return Objections(below_floor(pairs, floor_s), disputed(pairs), transport(pairs, margin))


def below_floor(pairs: Sequence[TimedPair], floor_s: Mapping[Case, float]) -> str:
    """Where the patched arm is faster than memory can be read; empty when it is nowhere."""
    for pair in pairs:
        for timing in pair.patched.cases:
            least_s = floor_s.get(timing.case, 0.0)
            if timing.wall_s < least_s:
                return (
                    f"{timing.case} took {timing.wall_s:.3g} s, and reading its weights takes "
                    f"{least_s:.3g} s at half a byte each and twice the best speed seen here"
                )
    return ""


def disputed(pairs: Sequence[TimedPair]) -> str:
    """How far the two clocks are apart on the patched arm; empty when the pipe explains it."""
    share = {arm: sorted(_excess(pairs, arm)) for arm in ARMS}
    baseline, patched = (share[arm] for arm in ARMS)
    if len(pairs) < CLOCK_PAIRS or not patched:
        return ""
    # The least of all requests: a busy machine is late now and then, a false clock always.
    part, seconds = patched[0]
    usual = baseline[(3 * len(baseline)) // 4][0] if baseline else 0.0
    if part <= max(CLOCK_SHARE, CLOCK_TIMES * usual) or seconds <= CLOCK_S:
        return ""
    return f"the worker's clock leaves out {part:.0%} of the time between question and answer"


def _excess(pairs: Sequence[TimedPair], arm: Arm) -> Iterator[tuple[float, float]]:
    """Of each timed request: what neither clock nor pipe explains, as a share and in seconds."""
    for pair in pairs:
        for timing in pair.arm(arm).cases:
            for parent_s, worker_s in zip(timing.warm_s, timing.worker_s, strict=False):
                left_s = abs(parent_s - worker_s) * timing.calls - (timing.echo_s or 0.0)
                yield left_s / (parent_s * timing.calls), left_s


def transport(pairs: Sequence[TimedPair], margin: float) -> str:
    """Whether the way takes too much of a call to see a change of ``margin`` in it.

    What the way costs is the least echo of a case in all processes: the others met a neighbour.
    """
    echoes: dict[Case, list[float]] = {}
    requests: dict[Case, list[float]] = {}
    for pair in pairs:
        for timing in (each for arm in ARMS for each in pair.arm(arm).cases):
            if timing.echo_s is not None:
                echoes.setdefault(timing.case, []).append(timing.echo_s)
                requests.setdefault(timing.case, []).append(timing.wall_s * timing.calls)
    shares = [min(echoes[case]) / median(requests[case]) for case in echoes]
    share = fmean(shares) if shares else 0.0
    if share <= WAY_SHARE * margin:
        return ""
    return f"the answers' way takes {share:.1%} of the time, too much to see {margin:.0%} in it"


def grows(pairs: Sequence[TimedPair]) -> Fault | None:
    """Memory that the patched arm leaves behind at every call and the baseline does not.

    At every call: what is taken once, or comes and goes with the inputs, is no growth.
    """
    steps = {arm: [result for pair in pairs if (result := _steps(pair, arm))] for arm in ARMS}
    baseline, patched = steps[Arm.BASELINE], steps[Arm.PATCHED]
    if not baseline or not patched or any(map(_steady, baseline)):
        return None
    if 3 * sum(map(_steady, patched)) < 2 * len(patched):
        return None
    more, usual = (median(median(each) for each in result) for result in (patched, baseline))
    if more - usual <= GROWTH_MIB:
        return None
    text = f"every call leaves {more:.1f} MiB behind, where the baseline leaves {usual:.1f}"
    return Fault("grows", text)


def _steps(pair: TimedPair, arm: Arm) -> list[float]:
    """MiB a call from each request of a process to the next; empty where it cannot be told."""
    sizes = pair.arm(arm).resident_mib
    if len(sizes) < 3 or not all(mib for _, mib in sizes):
        return []
    return [(b - a) / (later - before) for (before, a), (later, b) in pairwise(sizes)]


def _steady(steps: Sequence[float]) -> bool:
    """Memory grew at three of four requests, at the least."""
    return 4 * sum(step > GROWTH_MIB for step in steps) >= 3 * len(steps)


@dataclass(frozen=True)
class Repeating:
    """What is won by asking for an input again, apart from everything else.

    Attributes:
        interval: log of (patched again / patched fresh) over (baseline again / baseline fresh).
        cases: where it was measured, all of them with fresh inputs.
    """

    interval: statistics.Interval
    cases: tuple[Case, ...]
    baseline_s: float
    patched_s: float

    @property
    def wins(self) -> bool:
        """Clearly more than on the baseline."""
        return self.interval.high < log(REPEAT_RATIO)


def repeating(pairs: Sequence[TimedPair]) -> Repeating | None:
    """The row of repeated inputs; None where none was measured."""
    gains: list[float] = []
    cases: dict[Case, None] = {}
    seconds: dict[Arm, list[float]] = {arm: [] for arm in ARMS}
    for pair in pairs:
        logs = []
        for timing in pair.patched.cases:
            other = _same(timing, pair.baseline.cases)
            if other is None or not timing.fresh or not timing.again_s or not other.again_s:
                continue
            cases[timing.case] = None
            logs.append(log(timing.again_s / timing.wall_s) - log(other.again_s / other.wall_s))
            seconds[Arm.PATCHED].append(timing.again_s)
            seconds[Arm.BASELINE].append(other.again_s)
        if logs:
            gains.append(fmean(logs))
    if not gains:
        return None
    result = statistics.interval(gains, 0.95)
    base_s, patched_s = (median(seconds[arm]) for arm in ARMS)
    return Repeating(result, tuple(cases), base_s, patched_s)


def _same(timing: CaseTiming, others: Sequence[CaseTiming]) -> CaseTiming | None:
    return next((one for one in others if one.case == timing.case), None)
