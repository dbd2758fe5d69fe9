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
class Rounds:
    """What a subject did, round by round, and why it did not reach the end, if it did not."""

    done: Sequence[Sequence[TimedWork]] = ()
    failure: str = ""

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
    to the next, so that drift and load meet all of them alike. No round is begun that would,
    taking as long as the longest so far, end too late. A subject that fails is left out from then
    on.
    """
    done: dict[str, list[list[TimedWork]]] = {name: [] for name in loaded}
    failures: dict[str, str] = {}
    order = list(loaded)
    random.Random(0).shuffle(order)
    every = dict.fromkeys(work for name in order for work in works[name])
    longest_s = 0.0
    for number in range(rounds):
        if not deadline.fits(longest_s):
            say(f"out of time after {number} rounds")
            break
        began_s = time.monotonic()
        for name in done.keys() - failures.keys():
            done[name].append([])
        for work in every:
            for name in order if number % 2 == 0 else reversed(order):
                if work in works[name] and name not in failures:
                    try:
                        done[name][-1].append(loaded[name](work))
                    except PatcherError as error:
                        failures[name] = str(error)
        longest_s = max(longest_s, time.monotonic() - began_s)
        say(f"round {number + 1} of {rounds}: {longest_s:.0f} s")
    return {name: Rounds(done[name], failures.get(name, "")) for name in loaded}


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
