"""The timing run: mirrored pairs of processes, planned looks, a budget, and resumption.

`run_bench` decides only when to start which process and when to stop. How a process is timed is
the caller's (`Stopwatch`), where pairs are kept is the caller's (`Ledger`), what they mean is in
`analysis`. So tests drive it with a fake stopwatch and a fake clock.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from patcher.bench.analysis import judge_pairs
from patcher.bench.records import Pair, ProcessTiming, run_order
from patcher.bench.speed import BenchPlan, SpeedVerdict, decide
from patcher.execution.results import Arm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The re-run rule, set before anything is timed and the same for both arms: a pair that was
# disturbed (`Pair.disturbance`, which never looks at how long the target took) is run again, so
# many times at most, and in all no more often than its plan allows.
RERUNS_A_PAIR = 5


class Stopwatch(Protocol):
    """Times one process."""

    def __call__(self, arm: Arm, plan: BenchPlan) -> ProcessTiming:
        """Time all cases on one arm in a fresh process; a failure is part of the result."""


class Ledger(Protocol):
    """Where pairs are kept as soon as they are finished."""

    def pairs(self) -> Sequence[Pair]:
        """Everything kept so far, rejected pairs included, in the order it was added."""

    def add(self, pair: Pair) -> None:
        """Keep one pair durably."""


@dataclass(frozen=True)
class BenchRun:
    """Everything one bench measured.

    Attributes:
        pairs: the pairs that count, by index.
        rejected: pairs the re-run rule set aside, each with its reason.
        stopped: why it ended: ``decided``, ``all pairs``, ``budget``, ``failure`` or ``withheld``.
        failed: the timing that failed, or None.
        reused: how many pairs came from an earlier, interrupted run.
    """

    plan: BenchPlan
    verdict: SpeedVerdict
    pairs: tuple[Pair, ...] = ()
    rejected: tuple[Pair, ...] = ()
    stopped: str = "all pairs"
    failed: ProcessTiming | None = None
    reused: int = 0


def withheld(plan: BenchPlan, margin: float, reason: str) -> BenchRun:
    """The bench of an arm that failed its gates: nothing is timed, and it says why."""
    return BenchRun(plan, decide([], [], plan, margin, withheld=reason), stopped="withheld")


def run_bench(
    plan: BenchPlan,
    stopwatch: Stopwatch,
    ledger: Ledger,
    *,
    seed: str,
    margin: float,
    clock: Callable[[], float],
    budget_s: float | None = None,
    progress: Callable[[int, ProcessTiming], None] | None = None,
) -> BenchRun:
    """Run pairs until a look decides, the plan is done, the budget ends, or a process fails.

    Args:
        seed: of the schedule; the same for every sitting of one run.
        margin: the device's smallest change worth calling (0.03 = 3 %).
        clock: monotonic seconds; used for the budget alone.
        budget_s: no pair is started that would, taking as long as the longest so far, end after.
        progress: called with the pair's index and each process's timing.
    """
    began, longest, sitting = clock(), 0.0, uuid.uuid4().hex
    stored = ledger.pairs()
    kept = {pair.index: pair for pair in stored if not pair.rejected}
    rejected = [pair for pair in stored if pair.rejected]
    reused = len(kept)

    def result(stopped: str, failed: ProcessTiming | None = None) -> BenchRun:
        used = tuple(kept[index] for index in sorted(kept))
        verdict = judge_pairs(plan, used, margin)
        return BenchRun(plan, verdict, used, tuple(rejected), stopped, failed, reused)

    index = 0
    while index < plan.pairs:
        if index in kept:
            index += 1
            if index in plan.looks and all(before in kept for before in range(index)):
                looked_at = [kept[before] for before in range(index)]
                if judge_pairs(plan, looked_at, margin).decided:
                    return result("decided")
            continue
        pair_began = clock()
        if budget_s is not None and pair_began - began + longest > budget_s:
            return result("budget")
        attempt = sum(pair.index == index for pair in rejected)
        spare = attempt < RERUNS_A_PAIR and len(rejected) < plan.reruns
        order = run_order(index, seed)
        timings: dict[Arm, ProcessTiming] = {}
        for arm in order:
            timings[arm] = timing = stopwatch(arm, plan)
            if progress:
                progress(index, timing)
            if timing.failure:
                return result("failure", timing)
        pair = Pair(
            index=index,
            attempt=attempt,
            first=order[0],
            sitting=sitting,
            baseline=timings[Arm.BASELINE],
            patched=timings[Arm.PATCHED],
        )
        if spare:
            pair = replace(pair, rejected=pair.disturbance)
        ledger.add(pair)
        if pair.rejected:
            rejected.append(pair)
        else:
            kept[index] = pair
            longest = max(longest, clock() - pair_began)
    return result("all pairs")
