"""Many calls in one process: memory and time of a call must not grow more than on the baseline.

The second fifth of the calls is held against the last: the first fifth is warming up. Of memory
medians count, so that one odd call decides nothing; of times the lower quartile, for a neighbour
only ever slows calls down. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from patcher.gates.result import GateResult

NAME = "life"
MEMORY, TIME = "MiB a call", "times slower at the end"  # what is measured
CALLS = 50
MIB_A_CALL = 0.25  # more than the baseline grows by; an allocator's own wandering stays below
LEAST_MIB = 8.0  # over all calls
SLOWER = 1.5  # times as long at the end, beyond what the baseline does
LEAST_S = 0.005


@dataclass(frozen=True)
class Lived:
    """One arm's calls in one process: memory of the process after each, and seconds of each."""

    memory_mib: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def mib_a_call(self) -> float:
        """What the process grows by with each call, once warm."""
        early, late, apart = fifths(self.memory_mib)
        return (late - early) / apart

    @property
    def slowing(self) -> float:
        """How many times as long a call takes at the end as when it was warm."""
        return 1.0 + self.later_s / self.warm_s if self.warm_s > 0 else 1.0

    @property
    def warm_s(self) -> float:
        """Seconds of a call once warm."""
        return fifths(self.seconds, quartile)[0]

    @property
    def later_s(self) -> float:
        """What a call takes more at the end than when it was warm."""
        early, late, _ = fifths(self.seconds, quartile)
        return late - early


def fifths(
    values: Sequence[float], typical: Callable[[Sequence[float]], float] = median
) -> tuple[float, float, float]:
    """What is typical of the second and of the last fifth, and how many calls apart they are."""
    size = max(1, len(values) // 5)
    early, late = values[size : 2 * size], values[-size:]
    return typical(early), typical(late), max(1.0, float(len(values) - 2 * size))


def quartile(values: Sequence[float]) -> float:
    """The value that a quarter of them stays below."""
    return sorted(values)[len(values) // 4]


def slowed_alone(gate: GateResult, calls: int) -> bool:
    """Whether a life failed for its times and for nothing else."""
    more_mib = gate.measured.get(MEMORY, 0.0)
    slower = gate.measured.get(TIME, 0.0) > SLOWER
    return not gate.passed and slower and not _grows(more_mib, calls)


def _grows(more_mib: float, calls: int) -> bool:
    return more_mib > MIB_A_CALL and more_mib * calls > LEAST_MIB


def judge_life(baseline: Lived, patched: Lived) -> GateResult:
    """Whether the patched arm grows where the baseline does not."""
    calls = len(patched.seconds)
    more_mib = patched.mib_a_call - baseline.mib_a_call
    more_s = patched.later_s - max(0.0, baseline.later_s)
    slower = 1.0 + more_s / patched.warm_s if patched.warm_s > 0 else 1.0
    measured: Mapping[str, float] = {MEMORY: more_mib, TIME: slower}
    limits: Mapping[str, float] = {MEMORY: MIB_A_CALL, TIME: SLOWER}
    wrong = ""
    if _grows(more_mib, calls):
        wrong = f"the process grows by {more_mib:.2f} MiB a call more than on the baseline"
    elif slower > SLOWER and more_s > LEAST_S:
        wrong = f"a call takes {slower:.1f} times as long after {calls} calls as when it was warm"
    return GateResult(NAME, not wrong, wrong, measured=measured, limits=limits)
