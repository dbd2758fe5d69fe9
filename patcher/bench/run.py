"""The timing run: mirrored pairs of processes, planned looks, a budget, and resumption.

`run_bench` decides only when to start which process and when to stop. How a process is timed is
the caller's (`Stopwatch`), where pairs are kept is the caller's (`PairLedger`), whether what came
back was right is the caller's (`Check`), what the times mean is in `analysis`. So tests drive it
with a fake stopwatch and a fake clock.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from patcher.bench import statistics
from patcher.bench.analysis import judge_pairs, pair_log_ratios
from patcher.bench.objections import grows, repeating
from patcher.bench.records import Fault, ProcessTiming, TimedPair, run_order
from patcher.bench.speed import BenchPlan, SpeedVerdict, Word, decide
from patcher.execution.results import Arm, Outcome
from patcher.patchfile.model import Declaration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.bench.lanes import Lane, Lanes
    from patcher.execution.results import Case

# The re-run rule, set before anything is timed and the same for both arms: a pair that was
# disturbed (`TimedPair.disturbance`, which never looks at how long the target took) is run again,
# so many times at most, and in all no more often than its plan allows.
RERUNS_A_PAIR = 5
# After so many loaded runs in a row the load is no passing one: another run would meet it again,
# and both arms of a pair have it alike. Pairs are kept as they are until a run was quiet.
LASTING_LOAD = 3
# A pair that lost a process to a limit, a signal or the machine's memory is run again, with twice
# the patience each time. An arm that loses all of them, where the other lost none, does not work.
LOSSES_A_PAIR = 3
LOST = (Outcome.TIMEOUT, Outcome.KILLED, Outcome.OOM)
CACHES = frozenset({Declaration.CACHE_WEIGHTS, Declaration.CACHE_ANSWERS})

Check = Callable[[TimedPair], "Fault | None"]


class PairLedger(Protocol):
    """Where pairs are kept as soon as they are finished."""

    def pairs(self) -> Sequence[TimedPair]:
        """Everything kept so far, rejected pairs included, in the order it was added."""

    def add(self, pair: TimedPair) -> None:
        """Keep one pair durably."""


@dataclass(frozen=True)
class Rules:
    """What is settled before the first pair.

    Attributes:
        seed: of the schedule; the same for every sitting of one run.
        margin: the device's smallest change worth calling (0.03 = 3 %).
        budget_s: no pair is started that would, taking as long as the longest so far, end after.
        floor_s: the least a call of a case can take here, where that is known.
        declares: what the patches say they do beside computing.
    """

    plan: BenchPlan
    seed: str
    margin: float
    budget_s: float | None = None
    floor_s: Mapping[Case, float] = field(default_factory=dict)
    declares: frozenset[Declaration] = frozenset()


@dataclass(frozen=True)
class Loss:
    """A process that a limit, a signal or the machine's memory ended; its pair was run again."""

    pair: int
    arm: Arm
    reason: str


@dataclass(frozen=True)
class BenchRun:
    """Everything one bench measured.

    Attributes:
        pairs: the pairs that count, by index.
        rejected: pairs the re-run rule set aside, each with its reason.
        stopped: why it ended: ``decided``, ``all pairs``, ``plain gain``, ``not faster``,
            ``budget``, ``failure``, ``fault`` or ``withheld``.
        failed: the timing that ended the bench, or None.
        fault: what the patched arm did wrong, or None.
        lost: processes that were lost, their pairs run again.
        reused: how many pairs came from an earlier, interrupted run.
    """

    plan: BenchPlan
    verdict: SpeedVerdict
    pairs: tuple[TimedPair, ...] = ()
    rejected: tuple[TimedPair, ...] = ()
    stopped: str = "all pairs"
    failed: ProcessTiming | None = None
    fault: Fault | None = None
    lost: tuple[Loss, ...] = ()
    reused: int = 0


def withheld(plan: BenchPlan, margin: float, reason: str) -> BenchRun:
    """The bench of an arm that failed its gates: nothing is timed, and it says why."""
    return BenchRun(plan, decide([], [], plan, margin, withheld=reason), stopped="withheld")


def run_bench(
    rules: Rules,
    lanes: Lanes,
    ledger: PairLedger,
    *,
    clock: Callable[[], float],
    check: Check = lambda pair: None,
    progress: Callable[[int, ProcessTiming], None] | None = None,
) -> BenchRun:
    """Run pairs until a look decides, the plan is done, the budget ends, or something is wrong.

    Args:
        lanes: where pairs are timed: as many at once as there are, never two of one block, and
            none beyond the next look. They are closed afterwards.
        clock: monotonic seconds; used for the budget alone.
        check: what is wrong with what the processes of a pair gave back; None when nothing is.
        progress: called with the pair's index and each process's timing.
    """
    with lanes:
        return _Sitting(rules, lanes, ledger, clock, check, progress).run()


class _Sitting:
    """One uninterrupted run of a bench."""

    def __init__(
        self,
        rules: Rules,
        lanes: Lanes,
        ledger: PairLedger,
        clock: Callable[[], float],
        check: Check,
        progress: Callable[[int, ProcessTiming], None] | None,
    ) -> None:
        self.rules, self.lanes, self.ledger = rules, lanes, ledger
        self.plan = rules.plan
        self.clock, self.check, self.progress = clock, check, progress
        self.name = uuid.uuid4().hex
        stored = ledger.pairs()
        self.kept = {pair.index: pair for pair in stored if not pair.rejected}
        self.rejected = [pair for pair in stored if pair.rejected]
        self.reused = len(self.kept)
        self.lost: list[Loss] = []
        self.losses = Counter[int]()  # by lane
        self.loaded = (
            0  # runs of pairs in a row, up to the last, during which others used the machine
        )
        self.longest_s = 0.0
        self.began_s: dict[int, float] = {}  # of the pairs that run now

    def run(self) -> BenchRun:
        plan, began_s = self.plan, self.clock()
        for pair in self.kept.values():
            if fault := self.check(pair):
                return self._result("fault", fault=fault)
        if not self._may_be_faster():
            return self._result("not faster")
        for look in (*((plan.early.pairs,) if plan.early else ()), *plan.looks):
            ended = self._up_to(look, began_s)
            if ended is not None:
                return ended
            if shorter := plan.ends_early(pair_log_ratios(self._first(look))):
                self.plan = shorter
                return self._result("plain gain")
            if self._decided(look):
                return self._result("decided")
        return self._result("all pairs")

    def _first(self, count: int) -> list[TimedPair]:
        return [self.kept[index] for index in range(count)]

    def _up_to(self, look: int, began_s: float) -> BenchRun | None:
        """Time every pair before ``look``; what the bench ends with, or None when it goes on."""
        over = False
        while True:
            while not over and (index := self._next(look)) is not None:
                budget_s = self.rules.budget_s
                if budget_s is not None and self.clock() - began_s + self.longest_s > budget_s:
                    over = True
                    break
                self.began_s[index] = self.clock()
                self.lanes.start(index, self._both)
            if not self.began_s:
                return self._result("budget") if over else None
            for index, timings in self.lanes.finished():
                ended = self._finish(index, self.began_s.pop(index), timings)
                if ended is not None:
                    return ended

    def _next(self, look: int) -> int | None:
        """The next pair to start: of a block none of whose pairs runs, while a lane is free."""
        if len(self.began_s) >= self.lanes.open():
            return None
        busy = {index // 2 for index in self.began_s}
        missing = (index for index in range(look) if index not in self.kept)
        return next((index for index in missing if index // 2 not in busy), None)

    def _decided(self, count: int) -> bool:
        return count in self.plan.looks and self._verdict(self._first(count)).decided

    def _verdict(self, pairs: Sequence[TimedPair]) -> SpeedVerdict:
        return judge_pairs(self.plan, pairs, self.rules.margin, self.rules.floor_s)

    def _finish(
        self, index: int, began_s: float, timings: dict[Arm, ProcessTiming] | BenchRun
    ) -> BenchRun | None:
        """Judge and keep what was timed; what the bench ends with, or None when it goes on."""
        if isinstance(timings, BenchRun):
            return timings
        attempt = sum(pair.index == index for pair in self.rejected)
        pair = TimedPair(
            index=index,
            attempt=attempt,
            first=run_order(index, self.rules.seed)[0],
            sitting=self.name,
            baseline=timings[Arm.BASELINE],
            patched=timings[Arm.PATCHED],
        )
        if fault := self.check(pair):
            return self._result("fault", fault=fault)
        self.loaded = self.loaded + 1 if pair.load else 0
        if self._may_run_again(pair):
            pair = replace(pair, rejected=pair.disturbance)
        self.ledger.add(pair)
        if pair.rejected:
            self.rejected.append(pair)
        else:
            self.kept[index] = pair
            self.longest_s = max(self.longest_s, self.clock() - began_s)
        return None if self._may_be_faster() else self._result("not faster")

    def _may_run_again(self, pair: TimedPair) -> bool:
        """Whether the re-run rule has a run left for it, and one would help."""
        if self.loaded >= LASTING_LOAD and not pair.unlike:
            return False
        return pair.attempt < RERUNS_A_PAIR and len(self.rejected) < self.plan.reruns

    def _may_be_faster(self) -> bool:
        """False once no further pair could make a plan that asks for nothing else ``faster``."""
        plan, pairs = self.plan, [self.kept[index] for index in sorted(self.kept)]
        if not plan.only_faster or not pairs:
            return True
        return statistics.may_exclude_1(pair_log_ratios(pairs), plan.pairs, plan.confidence)

    def _both(self, index: int, lane: Lane) -> dict[Arm, ProcessTiming] | BenchRun:
        """A timing of each arm, run again while processes are lost."""
        here: list[Loss] = []
        for attempt in range(LOSSES_A_PAIR):
            timings: dict[Arm, ProcessTiming] = {}
            # A lane stays on its machine, until something is lost there.
            pair = f"{self.name} {lane.number} {self.losses[lane.number]}"
            for arm in run_order(index, self.rules.seed):
                timings[arm] = timing = lane.stopwatch(arm, 2.0**attempt, pair=pair)
                if self.progress:
                    with self.lanes.lock:
                        self.progress(index, timing)
                if timing.failure and timing.outcome not in LOST:
                    return self._broken(timing)
            # The other arm ran all the same: what took one may have been meant for both.
            failed = [timing for timing in timings.values() if timing.failure]
            if not failed:
                return timings
            here += [Loss(index, timing.arm, timing.failure) for timing in failed]
            self.lost += here[-len(failed) :]
            self.losses[lane.number] += 1
        return self._given_up(here, failed[-1])

    def _broken(self, failed: ProcessTiming) -> BenchRun:
        if failed.arm is Arm.BASELINE:
            return self._result("failure", failed)
        text = f"the patched arm failed while it was timed: {failed.failure}"
        return self._result("fault", failed, Fault("timed-crash", text))

    def _given_up(self, here: Sequence[Loss], failed: ProcessTiming) -> BenchRun:
        if any(loss.arm is Arm.BASELINE for loss in here):
            return self._result("failure", failed)
        text = f"the patched arm was lost {len(here)} times where the baseline was not: "
        return self._result("fault", failed, Fault("timed-hang", text + failed.failure))

    def _result(
        self, stopped: str, failed: ProcessTiming | None = None, fault: Fault | None = None
    ) -> BenchRun:
        used = tuple(self.kept[index] for index in sorted(self.kept))
        verdict = self._verdict(used)
        return BenchRun(
            self.plan,
            verdict,
            used,
            tuple(self.rejected),
            stopped,
            failed,
            fault or fault_of(verdict, used, self.rules.declares),
            tuple(self.lost),
            self.reused,
        )


def fault_of(
    verdict: SpeedVerdict, pairs: Sequence[TimedPair], declares: frozenset[Declaration]
) -> Fault | None:
    """What is wrong with times that came from right answers; None when nothing is."""
    if verdict.word in (Word.CLOCK_DISPUTED, Word.IMPOSSIBLE):
        return Fault(verdict.word.value, verdict.means)
    if len(pairs) >= 2 and not declares & CACHES and (fault := grows(pairs)):
        return fault
    again = repeating(pairs)
    if again and again.wins and len(pairs) >= 4 and Declaration.CACHE_ANSWERS not in declares:
        text = (
            f"an input asked for again takes {again.patched_s:.3g} s instead of "
            f"{again.baseline_s:.3g} s: answers are kept, which the patch does not declare "
            "(declares: cache-answers)"
        )
        return Fault("repeats", text, again.cases)
    return None
