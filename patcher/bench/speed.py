"""What is said about speed: a decision table over an interval and a margin. Pure.

`decide` walks `TABLE` from the top and takes the first row that holds; each row carries the word
of the contract and a reason that says which condition decided. Ratios are patched time over
baseline time, so below 1 is faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from patcher.bench import statistics
from patcher.bench.objections import MOST_SEEN, NONE, Objections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Word(str, Enum):
    """The speed verdict: a closed set."""

    FASTER = "faster"
    SLOWER = "slower"
    NO_CHANGE = "no-measurable-change"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not-measured"
    CLOCK_DISPUTED = "clock-disputed"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True)
class EarlyLook:
    """A look before the planned ones, at a gain that nobody would overlook.

    Attributes:
        pairs: after so many of them.
        confidence: of the interval that so few pairs reach.
        gain: every pair has to be faster by more than this (0.2 = a fifth).
    """

    pairs: int
    confidence: float
    gain: float


@dataclass(frozen=True)
class BenchPlan:
    """How many pairs, looked at when, with which confidence; fixed before the first pair.

    Attributes:
        looks: numbers of pairs after which the result may be looked at and the run may stop.
        confidence: of the interval at each look. Four looks at 98.4 % keep the whole procedure
            near 95 %; six pairs reach 96.9 %, in one look.
        timed: timed calls of each case a process (``k``); the observation is their median.
        warm_ups: calls before them, reported apart as cold.
        measured_s: a process of short calls times more of them than ``timed``, for so long in all:
            its start took longer, and a median of many minds no neighbour in one of them.
        reruns: how many disturbed pairs may be run again in all. ``full`` may take twice its time
            on a machine that is not quiet; ``quick`` stays quick.
        only_faster: it ends as soon as no further pair could make it ``faster``; what else could
            be said of the speed stays unsaid.
        early: where it may end before the first look; the verdict then has that confidence.
        gated: answers under a claim looser than bitwise are run again and held to its gate.
    """

    name: str
    looks: tuple[int, ...]
    confidence: float
    timed: int
    warm_ups: int = 1
    measured_s: float = 2.0
    reruns: int = 2
    only_faster: bool = False
    early: EarlyLook | None = None
    gated: bool = True

    @property
    def pairs(self) -> int:
        return self.looks[-1]

    def ends_early(self, differences: Sequence[float]) -> BenchPlan | None:
        """What the plan comes to after its first pairs, one log ratio each; None to go on."""
        early = self.early
        if early is None or len(differences) != early.pairs:
            return None
        if max(differences) >= math.log1p(-early.gain):
            return None
        return replace(self, looks=(early.pairs,), confidence=early.confidence, early=None)


QUICK = BenchPlan("quick", looks=(6,), confidence=0.968, timed=1)
FULL = BenchPlan("full", looks=(8, 12, 16, 20), confidence=0.984, timed=3, reruns=20)
PLANS: Mapping[str, BenchPlan] = {plan.name: plan for plan in (QUICK, FULL)}

# The smallest change worth calling on a machine of the kind, whatever the noise.
DEVICE_MARGIN: Mapping[str, float] = {"cpu": 0.03, "cuda": 0.02, "mps": 0.03}


@dataclass(frozen=True)
class SpeedEvidence:
    """What a row of the table may look at; every number in log units."""

    interval: statistics.Interval | None
    wanted_confidence: float
    margin: float
    withheld: str = ""
    against: Objections = NONE

    @property
    def settled(self) -> statistics.Interval:
        assert self.interval is not None  # the rows above have sorted the other case out
        return self.interval


@dataclass(frozen=True)
class DecisionRow:
    """One row of the decision table."""

    word: Word
    reason: str
    means: str
    holds: Callable[[SpeedEvidence], bool]


TABLE: tuple[DecisionRow, ...] = (
    DecisionRow(
        Word.NOT_MEASURED,
        "withheld",
        "the patched arm failed its gates, so it was not timed",
        lambda e: bool(e.withheld),
    ),
    DecisionRow(
        Word.NOT_MEASURED,
        "no-pairs",
        "no pair of processes was finished",
        lambda e: e.interval is None,
    ),
    DecisionRow(
        Word.IMPOSSIBLE,
        "below-the-floor",
        "the patched arm is faster than its weights can be read",
        lambda e: bool(e.against.impossible),
    ),
    DecisionRow(
        Word.CLOCK_DISPUTED,
        "clocks-differ",
        "the worker's clock and the parent's differ by more than the pipe costs",
        lambda e: bool(e.against.disputed),
    ),
    DecisionRow(
        Word.UNDECIDED,
        "too-few-pairs",
        "so few pairs cannot reach the confidence asked for",
        lambda e: e.settled.confidence < e.wanted_confidence,
    ),
    DecisionRow(
        Word.FASTER,
        "interval-below-1",
        "the whole interval is faster, the estimate by more than the margin",
        lambda e: e.settled.high < 0 and e.settled.estimate < -e.margin,
    ),
    DecisionRow(
        Word.SLOWER,
        "interval-above-1",
        "the whole interval is slower, the estimate by more than the margin",
        lambda e: e.settled.low > 0 and e.settled.estimate > e.margin,
    ),
    # The way is the same for both arms: it makes a change look smaller, never larger.
    DecisionRow(
        Word.UNDECIDED,
        "transport",
        "the answers' way takes too much of the time to see a change of the margin in it",
        lambda e: bool(e.against.transport),
    ),
    DecisionRow(
        Word.NO_CHANGE,
        "interval-inside-margin",
        "the whole interval is inside the margin",
        lambda e: -e.margin <= e.settled.low and e.settled.high <= e.margin,
    ),
    DecisionRow(
        Word.UNDECIDED,
        "smaller-than-margin",
        "the interval excludes 1, but the estimate is within the margin",
        lambda e: e.settled.low > 0 or e.settled.high < 0,
    ),
    DecisionRow(
        Word.UNDECIDED,
        "interval-too-wide",
        "the interval holds 1 and reaches beyond the margin",
        lambda e: True,
    ),
)


@dataclass(frozen=True)
class Regression:
    """A single case that got slower after Holm's correction over all cases."""

    case: str
    time_ratio: float
    p_value: float


@dataclass(frozen=True)
class SpeedVerdict:
    """The speed verdict with everything needed to judge it.

    Attributes:
        interval: in log units; None when nothing was measured.
        margin, noise_floor, smallest_detectable: relative changes (0.03 = 3 %).
        pairs_needed: pairs still missing for a decision; 0 when decided, None when more than
            can be said.
    """

    word: Word
    reason: str
    means: str
    interval: statistics.Interval | None
    margin: float
    noise_floor: float
    smallest_detectable: float | None
    pairs_needed: int | None
    regressions: tuple[Regression, ...] = ()

    @property
    def decided(self) -> bool:
        return self.word in (Word.FASTER, Word.SLOWER, Word.NO_CHANGE)

    @property
    def pairs(self) -> int:
        return self.interval.count if self.interval else 0

    def sentence(self) -> str:
        """The verdict for people, in one sentence."""
        if self.interval is None:
            return f"speed: {self.word.value} ({self.means})"
        interval = self.interval
        text = (
            f"speed: {self.word.value}; the patched arm takes "
            f"{math.exp(interval.estimate):.3f} x the time, "
            f"{interval.confidence:.1%} interval {math.exp(interval.low):.3f} to "
            f"{math.exp(interval.high):.3f}, {interval.count} pairs, margin {self.margin:.1%} "
            f"({self.means})"
        )
        if self.word is Word.UNDECIDED:
            if self.smallest_detectable is not None and self.smallest_detectable > MOST_SEEN:
                text += "; the pairs vary so much that no change could have been seen"
            elif self.smallest_detectable is not None:
                text += f"; smallest detectable change {self.smallest_detectable:.1%}"
            missing = "more pairs than it pays" if self.pairs_needed is None else self.pairs_needed
            text += f"; still needed: {missing}" + (" pairs" if self.pairs_needed else "")
        return text


def decide(
    differences: Sequence[float],
    same_arm: Sequence[float],
    plan: BenchPlan,
    base_margin: float,
    *,
    withheld: str = "",
    against: Objections = NONE,
) -> SpeedVerdict:
    """The verdict on paired log ratios.

    Args:
        differences: one a pair, ``ln(patched / baseline)`` of the geometric mean over all cases.
        same_arm: A-A and B-B differences of the same blocks (see `statistics.noise_floor`).
        base_margin: the device's smallest change worth calling, as a relative change.
        withheld: why the patched arm was not timed; empty when it was.
        against: what stands against these times, whatever their ratio.
    """
    interval = statistics.interval(differences, plan.confidence) if differences else None
    floor = statistics.noise_floor(same_arm, len(differences))
    margin = max(math.log1p(base_margin), floor)
    evidence = SpeedEvidence(interval, plan.confidence, margin, withheld, against)
    row = next(row for row in TABLE if row.holds(evidence))
    decided = row.word in (Word.FASTER, Word.SLOWER, Word.NO_CHANGE)
    detectable = statistics.smallest_detectable(interval, margin) if interval else math.inf
    if decided or interval is None:
        missing = 0 if decided else None
    else:
        short = max(0, plan.looks[0] - interval.count)
        estimated = statistics.pairs_needed(interval, margin)
        missing = max(short, estimated) if estimated is not None else None
    return SpeedVerdict(
        word=row.word,
        reason=row.reason,
        means=withheld or _said(row, against) or row.means,
        interval=None if withheld else interval,
        margin=math.expm1(margin),
        noise_floor=math.expm1(floor),
        smallest_detectable=math.expm1(detectable) if math.isfinite(detectable) else None,
        pairs_needed=missing,
    )


def _said(row: DecisionRow, against: Objections) -> str:
    """The objection that decided, with its figures; empty when none did."""
    return {
        "below-the-floor": against.impossible,
        "clocks-differ": against.disputed,
        "transport": against.transport,
    }.get(row.reason, "")


def find_regressions(
    by_case: Mapping[str, Sequence[float]], base_margin: float, level: float = 0.05
) -> tuple[Regression, ...]:
    """The cases that got slower beyond the margin, one-sided, Holm-corrected over all cases.

    With few pairs no single case can reach the level: nine cases need eight pairs.
    """
    names = [name for name, differences in by_case.items() if differences]
    raw = [statistics.signed_rank_p(by_case[name], "greater") for name in names]
    interval = []
    for name, p_value in zip(names, statistics.holm(raw), strict=True):
        estimate = statistics.hodges_lehmann(by_case[name])
        if p_value <= level and estimate > math.log1p(base_margin):
            interval.append(Regression(name, math.exp(estimate), p_value))
    return tuple(interval)
