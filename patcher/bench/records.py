"""What a timing process hands back, and the order processes run in. Frozen values, no I/O."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from math import exp, fsum, log
from statistics import median
from typing import TYPE_CHECKING, Any

from patcher.execution.results import Arm, Case, Measure, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARMS: tuple[Arm, Arm] = (Arm.BASELINE, Arm.PATCHED)
# Two runs saw unlike processors when fixed work took this many times as long under one of them.
# Twice what the probes themselves wander by on a steady processor.
UNLIKE_SPEED = 1.04


@dataclass(frozen=True)
class CaseTiming:
    """One case in one timing process.

    Attributes:
        cold_s: the first call, compile and caches included; None when not recorded.
        warm_s: the timed calls after the warm-up, at least one: seconds a call on the
            parent's clock, from the request written to the last byte of the answer read.
        audio_s: mean seconds of audio of the timed calls; None when there is none.
        tokens: mean tokens of the timed calls, rounded; None when there are none.
        stage_s: median seconds by stage over the timed calls.
        memory_mib: peak device memory of the case; on a CPU what the process grew by.
        probe_s: of each timed call, the mean seconds of the same small piece of work just
            before and just after it: the processor's speed at the time, which is not the target's.
        calls: inputs answered by one timed request.
        worker_s: the same requests a call, by the worker's own clock.
        echo_s: the least time in which the bytes of an answer came back by themselves, a request.
        again_s: seconds a call when the last inputs are asked for once more, or None.
        fresh: no input, or hardly one, came twice before ``again_s``.
        different: how many of the inputs were different, and of how many; None where nobody knows.
    """

    case: Case
    warm_s: tuple[float, ...]
    cold_s: float | None = None
    audio_s: float | None = None
    tokens: int | None = None
    stage_s: Mapping[str, float] = field(default_factory=dict)
    memory_mib: float | None = None
    probe_s: tuple[float, ...] = ()
    calls: int = 1
    worker_s: tuple[float, ...] = ()
    echo_s: float | None = None
    again_s: float | None = None
    fresh: bool = True
    different: tuple[int, int] | None = None

    @property
    def wall_s(self) -> float:
        """The observation: the median of the timed calls."""
        return median(self.warm_s)

    @property
    def measure(self) -> Measure:
        """The observation with everything beside it."""
        return Measure(self.wall_s, self.audio_s, self.tokens, self.stage_s, self.memory_mib)

    @property
    def rtf(self) -> float | None:
        """Compute seconds per audio second; lower is better."""
        return self.measure.rtf


@dataclass(frozen=True)
class ProcessTiming:
    """One timing process of one arm.

    Attributes:
        start_s: from the spawn until the first model is ready, imports included.
        load_s: seconds to load each model; the first one's holds the imports.
        components_s: median seconds of each isolated part, by ``model / part``.
        component_stages: the part's outputs, as `patcher.worker.main` describes them.
        replay_s: seconds by ``model / test / stage`` on the baseline's recorded inputs: the same
            work in both arms.
        answers: a digest of what came back, by input; the answer to an input asked for again has a
            place of its own.
        resident_mib: after each request the calls answered so far and the process's memory, as the
            parent reads it.
        disturbance: why the re-run rule would reject this process; empty when it was quiet.
        failure: why there is no timing; empty when there is. ``outcome`` says what kind.
    """

    arm: Arm
    cases: tuple[CaseTiming, ...] = ()
    start_s: float = 0.0
    load_s: Mapping[str, float] = field(default_factory=dict)
    components_s: Mapping[str, float] = field(default_factory=dict)
    component_stages: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    replay_s: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    resident_mib: tuple[tuple[int, float], ...] = ()
    disturbance: str = ""
    failure: str = ""
    outcome: Outcome = Outcome.OK

    def case(self, case: Case) -> CaseTiming:
        """The timing of one case; KeyError when this process did not time it."""
        for timing in self.cases:
            if timing.case == case:
                return timing
        raise KeyError(case)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ProcessTiming:
        cases = tuple(
            CaseTiming(
                **{
                    **each,
                    "case": Case(**each["case"]),
                    "warm_s": tuple(each["warm_s"]),
                    "probe_s": tuple(each["probe_s"]),
                    "worker_s": tuple(each["worker_s"]),
                    "different": tuple(known) if (known := each.get("different")) else None,
                }
            )
            for each in data["cases"]
        )
        return cls(
            **{
                **data,
                "arm": Arm(data["arm"]),
                "outcome": Outcome(data["outcome"]),
                "resident_mib": tuple((calls, mib) for calls, mib in data["resident_mib"]),
                "cases": cases,
            }
        )


@dataclass(frozen=True)
class Fault:
    """What a patched arm did wrong while it was timed: the verification fails for it.

    Attributes:
        reason: ``timed-crash``, ``timed-hang``, ``timed-wrong``, ``grows``, ``repeats``,
            ``clock-disputed``, ``impossible``.
        sentence: what happened, for people.
        cases: where; empty when it is no single case's.
    """

    reason: str
    sentence: str
    cases: tuple[Case, ...] = ()


def unlike_speed(one: ProcessTiming, other: ProcessTiming) -> str:
    """Why two processes cannot be compared: the processor itself ran at another speed. Or empty.

    Their probes are held against each other exactly as the calls are: the median of a case,
    the geometric mean over the cases.
    """
    there = {timing.case: timing.probe_s for timing in other.cases}
    logs = [
        log(median(timing.probe_s) / median(there[timing.case]))
        for timing in one.cases
        if timing.probe_s and there.get(timing.case)
    ]
    times = exp(abs(fsum(logs) / len(logs))) if logs else 1.0
    if times <= UNLIKE_SPEED:
        return ""
    return f"speed: the processor itself was {times:.2f} times slower under one of them"


@dataclass(frozen=True)
class TimedPair:
    """Two adjacent processes, one an arm.

    Attributes:
        index: place in the schedule, from 0; two mirrored pairs make a block.
        attempt: 0, or how often the re-run rule had rejected the pair before.
        sitting: names the uninterrupted run of the bench that measured the pair; runs of one arm
            are compared within a block only when both pairs come from one sitting.
        rejected: the reason when the rule set the pair aside; kept and listed, never used.
    """

    index: int
    attempt: int
    first: Arm
    sitting: str
    baseline: ProcessTiming
    patched: ProcessTiming
    rejected: str = ""

    def arm(self, arm: Arm) -> ProcessTiming:
        return self.baseline if arm is Arm.BASELINE else self.patched

    @property
    def load(self) -> str:
        """What disturbed either process from outside; empty when nothing did."""
        return self.baseline.disturbance or self.patched.disturbance

    @property
    def unlike(self) -> str:
        """How the processors differed that the arms saw; empty when they did not."""
        return unlike_speed(self.baseline, self.patched)

    @property
    def disturbance(self) -> str:
        """Why the re-run rule would set the pair aside; empty when it was quiet."""
        return self.load or self.unlike

    def as_json(self) -> dict[str, Any]:
        """JSON values; `from_json` gives the equal pair back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TimedPair:
        arms = {arm.value: ProcessTiming.from_json(data[arm.value]) for arm in ARMS}
        return cls(**{**data, "first": Arm(data["first"]), **arms})


def first_arm(index: int, seed: str) -> Arm:
    """Which arm opens pair ``index``: drawn for each block of two pairs, mirrored in its second.

    A function of the run's seed, so that a resumed run continues the same schedule.
    """
    drawn = random.Random(f"{seed}/{index // 2}").randrange(2)
    return ARMS[drawn ^ index % 2]


def run_order(index: int, seed: str) -> tuple[Arm, Arm]:
    """The two arms of pair ``index`` in the order they run."""
    first = first_arm(index, seed)
    return first, ARMS[1 - ARMS.index(first)]
