"""Rounds: many subjects, each loaded once, take turns at the same work beside pristine.

Pairs of fresh processes (`patcher.bench.run`) judge one series; rounds compare many patches at
once, for what one pair costs each of them. They use the same workers, the same clock and the same
table of verdicts.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from patcher.bench import speed, statistics
from patcher.bench.disturbed import disturbance, kept_rounds, more_rounds
from patcher.errors import PatcherError

CONFIDENCE = 0.968  # what six rounds reach

Works = Mapping[str, Sequence[str]]
"""What each subject does in a round, by its name."""


@dataclass(frozen=True)
class TimedWork:
    """A piece of work done once.

    Attributes:
        seconds: by stage.
        tokens: how many were made; 0 where none are.
        memory_mib: of the process when the answer was there; 0 where the system does not tell.
    """

    seconds: Mapping[str, float]
    tokens: int = 0
    memory_mib: float = 0.0

    @property
    def longest_s(self) -> float:
        """Of a generation the whole of it, of which its stages are parts."""
        return max(self.seconds.values(), default=0.0)


DoWork = Callable[[str], TimedWork]
"""Lets a loaded subject do a work of that name once."""


@dataclass(frozen=True)
class StageSpeed:
    """One stage of a subject beside pristine's, judged as `verify` does.

    Attributes:
        time_ratio: the subject's time over pristine's, from ``low`` to ``high``.
        seconds, pristine_seconds: medians over the rounds.
        runs_s: the subject's seconds, round by round.
    """

    time_ratio: float
    low: float
    high: float
    verdict: str
    rounds: int
    seconds: float
    pristine_seconds: float
    runs_s: tuple[float, ...]


@dataclass(frozen=True)
class Remeasured:
    """What was done about rounds that a neighbour disturbed (`patcher.bench.disturbed`).

    Attributes:
        again: rounds that were set aside and measured again.
        left: disturbed rounds that count all the same, because the budget for more had ended.
        own: a subject that alone was slow in several rounds, which therefore all count.
    """

    again: int = 0
    left: int = 0
    own: str = ""


@dataclass(frozen=True)
class Rounds:
    """What a subject did in the rounds that count, and why it did not reach the end, if it did not.

    Attributes:
        remeasured: of all subjects together: a round is measured again as a whole.
    """

    done: Sequence[Sequence[TimedWork]] = ()
    failure: str = ""
    remeasured: Remeasured = Remeasured()

    @property
    def stages(self) -> dict[str, list[float]]:
        """Seconds of each stage, round by round."""
        series: dict[str, list[float]] = {}
        for work in self.works:
            for stage, seconds in work.seconds.items():
                series.setdefault(stage, []).append(seconds)
        return series

    @property
    def works(self) -> list[TimedWork]:
        return [work for each in self.done for work in each]

    def beside(self, pristine: Rounds, margin: float) -> dict[str, StageSpeed]:
        """The speed of each stage that pristine has, too."""
        base = pristine.stages
        return {
            stage: stage_speed(seconds, base[stage], margin)
            for stage, seconds in self.stages.items()
            if stage in base
        }


class Deadline:
    """When to stop beginning things; ``None`` seconds are forever."""

    def __init__(self, seconds: float | None) -> None:
        self.end = math.inf if seconds is None else time.monotonic() + seconds

    def fits(self, seconds: float) -> bool:
        """Whether something that takes so long would still end in time."""
        return time.monotonic() + seconds < self.end


def in_batches(works: Works, pristine: str, most: int) -> list[list[str]]:
    """Subjects in groups that are loaded at once with pristine; those of the same work together."""
    others = sorted((name for name in works if name != pristine), key=lambda n: tuple(works[n]))
    size = max(1, most - 1)
    return [others[start : start + size] for start in range(0, len(others), size)]


def run_rounds(
    loaded: Mapping[str, DoWork],
    works: Works,
    rounds: int,
    deadline: Deadline,
    say: Callable[[str], None],
) -> dict[str, Rounds]:
    """Time all subjects.

    A round lets every subject do each of its works once, in an order that is turned round from one
    to the next, so that drift and load meet all of them alike. Rounds that a neighbour disturbed
    are measured again, up to as many more as were planned. No round is begun that would, taking as
    long as the longest so far, end too late. A subject that fails is left out from then on.
    """
    sitting = _TakingTurns(loaded, works)
    longest_s, number, planned = 0.0, 0, rounds
    while number < planned:
        if not deadline.fits(longest_s):
            say(f"out of time after {number} rounds")
            break
        began_s = time.monotonic()
        sitting.round(backwards=number % 2 == 1)
        longest_s = max(longest_s, time.monotonic() - began_s)
        number += 1
        say(f"round {number} of {planned}: {longest_s:.0f} s")
        series = sitting.series()
        if number == planned and series:  # else every subject failed
            more = more_rounds(series, rounds)
            planned += more
            if more:
                say(f"a neighbour disturbed {more} of them: so many more rounds")
    return sitting.result(rounds)


class _TakingTurns:
    """All subjects loaded, and what they have done."""

    def __init__(self, loaded: Mapping[str, DoWork], works: Works) -> None:
        self.loaded, self.works = loaded, works
        self.done: dict[str, list[list[TimedWork]]] = {name: [] for name in loaded}
        self.failures: dict[str, str] = {}
        self.order = list(loaded)
        random.Random(0).shuffle(self.order)
        self.every = dict.fromkeys(work for name in self.order for work in works[name])

    def round(self, *, backwards: bool) -> None:
        for name in self.done.keys() - self.failures.keys():
            self.done[name].append([])
        for work in self.every:
            for name in reversed(self.order) if backwards else self.order:
                if work in self.works[name] and name not in self.failures:
                    try:
                        self.done[name][-1].append(self.loaded[name](work))
                    except PatcherError as error:
                        self.failures[name] = str(error)

    def series(self) -> dict[str, list[float]]:
        """Seconds of every work, round by round, of the subjects that did not fail."""
        return {
            f"{name}: {work}": [each[place].longest_s for each in done]
            for name, done in self.done.items()
            if name not in self.failures
            for place, work in enumerate(self._works(name))
        }

    def _works(self, name: str) -> list[str]:
        return [work for work in self.every if work in self.works[name]]

    def result(self, planned: int) -> dict[str, Rounds]:
        series = self.series()
        kept = kept_rounds(series, planned)
        disturbed = disturbance(series)
        left = len(disturbed.set_aside.intersection(kept))
        again = len(disturbed.set_aside) - left
        what = Remeasured(again, left, disturbed.own.partition(":")[0])
        return {
            name: Rounds(done, self.failures[name])
            if name in self.failures
            else Rounds([done[number] for number in kept], remeasured=what)
            for name, done in self.done.items()
        }


def stage_speed(seconds: Sequence[float], pristine: Sequence[float], margin: float) -> StageSpeed:
    """The ratio of a subject's times to pristine's of the same rounds.

    Args:
        margin: the smallest change worth calling (0.03 = 3 %).
    """
    result = statistics.interval(statistics.log_ratios(seconds, pristine), CONFIDENCE)
    evidence = speed.SpeedEvidence(result, CONFIDENCE, math.log1p(margin))
    return StageSpeed(
        time_ratio=math.exp(result.estimate),
        low=math.exp(result.low),
        high=math.exp(result.high),
        verdict=next(row.word.value for row in speed.TABLE if row.holds(evidence)),
        rounds=len(seconds),
        seconds=median(seconds),
        pristine_seconds=median(pristine),
        runs_s=tuple(round(each, 4) for each in seconds),
    )
