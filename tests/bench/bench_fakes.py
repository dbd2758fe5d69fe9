"""A stopwatch with declared durations and a ledger in memory: bench tests need no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from patcher.bench.records import CaseTiming, ProcessTiming, TimedPair
from patcher.execution.results import Arm, Case, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


CASES = (Case("m1", "t1"), Case("m1", "t2"))


@dataclass
class FakeClock:
    """Seconds that pass only when a fake process runs."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class FakeStopwatch:
    """Declared durations: ``seconds(arm, run)`` for the run-th process, counted from 0."""

    seconds: Callable[[Arm, int], float] = lambda arm, run: 1.0
    clock: FakeClock = field(default_factory=FakeClock)
    cases: Sequence[Case] = CASES
    disturbance: Callable[[int], str] = lambda run: ""
    probes: Callable[[int], tuple[float, ...]] = lambda run: ()
    failure: Callable[[int], str] = lambda run: ""
    tokens: Callable[[Arm], int | None] = lambda arm: 12
    outcome: Callable[[int], Outcome] = lambda run: Outcome.CRASHED
    answer: Callable[[Arm, int], str] = lambda arm, run: "the same"
    process_s: float = 27.0
    timed: int = 3
    patience: list[float] = field(default_factory=list)
    arms: list[Arm] = field(default_factory=list)

    def __call__(self, arm: Arm, patience: float = 1.0, *, pair: str = "") -> ProcessTiming:
        run = len(self.arms)
        self.arms.append(arm)
        self.patience.append(patience)
        self.clock.now_s += self.process_s
        tokens = self.tokens(arm)
        cases = tuple(
            CaseTiming(
                case,
                warm_s=(self.seconds(arm, run),) * self.timed,
                cold_s=2 * self.seconds(arm, run),
                audio_s=tokens / 25 if tokens else None,
                tokens=tokens,
                stage_s={"t3": 0.75 * self.seconds(arm, run)},
                memory_mib=100.0,
                probe_s=self.probes(run),
            )
            for case in self.cases
        )
        return ProcessTiming(
            arm,
            cases,
            disturbance=self.disturbance(run),
            failure=self.failure(run),
            outcome=self.outcome(run) if self.failure(run) else Outcome.OK,
            answers={f"{case} / input 1": self.answer(arm, run) for case in self.cases},
        )

    @property
    def order(self) -> str:
        """The processes run, as letters: A baseline, B patched."""
        return "".join("AB"[arm is Arm.PATCHED] for arm in self.arms)


@dataclass
class MemoryLedger:
    """Pairs through JSON and back, as a database would keep them."""

    rows: list[dict[str, object]] = field(default_factory=list)

    def pairs(self) -> list[TimedPair]:
        return [TimedPair.from_json(row) for row in self.rows]

    def add(self, pair: TimedPair) -> None:
        import json

        self.rows.append(json.loads(json.dumps(pair.as_json())))
