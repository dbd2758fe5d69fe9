"""A bench while it runs: which pair, the estimate so far, the time left, what is run again."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import exp, fsum, log
from typing import TYPE_CHECKING

from patcher.bench.objections import MOST_SEEN
from patcher.bench.records import ARMS, unlike_speed
from patcher.execution.results import Arm
from patcher.report.words import count, duration

if TYPE_CHECKING:
    from patcher.bench.forecast import Forecast
    from patcher.bench.records import ProcessTiming


class BenchProgress:
    """Turns each finished timing process into one sentence.

    Args:
        pairs: the most there will be, repeated ones apart.
        clock: monotonic seconds.
    """

    def __init__(self, pairs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.pairs = pairs
        self._clock = clock
        self._began = clock()
        self._processes = 0
        self._timed: dict[int, dict[Arm, ProcessTiming]] = {}

    def sentence(self, index: int, timing: ProcessTiming) -> str:
        """The sentence for one process.

        Args:
            index: of its pair, from 0.
        """
        self._processes += 1
        text = f"pair {index + 1} of at most {self.pairs}, {timing.arm.value} timed"
        if timing.failure:
            return f"{text}: it failed: {timing.failure}"
        earlier = self._timed.get(index, {})
        if len(earlier) == len(ARMS):
            text += f"; again, for the first try was disturbed: {_disturbed(earlier)}"
            earlier = {}
        self._timed[index] = {**earlier, timing.arm: timing}
        left_s = self.left_s()
        left = f"at most {duration(left_s)} left" if left_s >= 1 else ""
        parts = [text, self.estimate(), left]
        return "; ".join(part for part in parts if part)

    def estimate(self) -> str:
        """The running estimate, which is no verdict; empty before the first pair is complete."""
        ratios = [
            result for pair in self._timed.values()
            if len(pair) == len(ARMS) and (result := _log_ratio(pair)) is not None
        ]  # fmt: skip
        if not ratios:
            return ""
        fast = exp(-fsum(ratios) / len(ratios))
        return f"so far about {fast:.2f} times as fast ({count(len(ratios), 'pair')}, no verdict)"

    def left_s(self) -> float:
        """Seconds for the pairs that are left, at the pace so far, if all are needed."""
        done = sum(map(len, self._timed.values()))
        pace_s = (self._clock() - self._began) / max(1, self._processes)
        return pace_s * max(0, len(ARMS) * self.pairs - done)


def expected(forecast: Forecast) -> str:
    """What a bench will take and what it will be able to see, in one sentence."""
    each = f"{count(forecast.pairs, 'pair')}, two processes of {forecast.process_s:.1f} s each"
    text = f"timing takes about {duration(forecast.total_s)} ({each})"
    if forecast.pairs < forecast.needed:
        return f"{text}; a verdict takes {forecast.needed} pairs, so it will stay undecided"
    if forecast.noise is None or forecast.smallest_detectable is None:
        return f"{text}; what it can see depends on noise that only the pairs will show"
    if forecast.smallest_detectable > MOST_SEEN:
        return (
            f"{text}; with nothing changed a pair varies so much now that no change can be seen: "
            "the machine is too busy, a quiet one can tell"
        )
    text += f"; with nothing changed a pair varies by {forecast.noise:.1%} now"
    return f"{text}, so it can see a change of {forecast.smallest_detectable:.1%} or more"


def _disturbed(pair: dict[Arm, ProcessTiming]) -> str:
    one, other = pair[Arm.BASELINE], pair[Arm.PATCHED]
    return one.disturbance or other.disturbance or unlike_speed(one, other) or "unknown"


def _log_ratio(pair: dict[Arm, ProcessTiming]) -> float | None:
    """ln(patched / baseline), the mean over the cases both have."""
    patched = {case.case: case.wall_s for case in pair[Arm.PATCHED].cases}
    logs = [
        log(patched[case.case] / case.wall_s)
        for case in pair[Arm.BASELINE].cases
        if patched.get(case.case) and case.wall_s > 0
    ]
    return fsum(logs) / len(logs) if logs else None
