"""What a timing process hands back, and the order processes run in. Frozen values, no I/O."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from patcher.verify.host import changed_speed
from patcher.verify.model import Arm, Case, Measure, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARMS: tuple[Arm, Arm] = (Arm.BASELINE, Arm.PATCHED)


@dataclass(frozen=True)
class CaseTiming:
    """One case in one timing process.

    Attributes:
        cold_s: the first generation, compile and caches included; None when not recorded.
        warm_s: the timed generations after the warm-up, at least one.
        audio_s: seconds of audio of the last generation; None when there is none.
        tokens: tokens of the last generation; None when there are none.
        stage_s: median seconds by stage over the timed generations.
        memory_mib: peak device memory of the case; on a CPU what the process grew by.
    """

    case: Case
    warm_s: tuple[float, ...]
    cold_s: float | None = None
    audio_s: float | None = None
    tokens: int | None = None
    stage_s: Mapping[str, float] = field(default_factory=dict)
    memory_mib: float | None = None

    @property
    def wall_s(self) -> float:
        """The observation: the median of the timed generations."""
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
        component_stages: the part's outputs, as `patcher.verify.worker` describes them.
        replay_s: seconds by ``model / test / stage`` on the baseline's recorded inputs: the same
            work in both arms.
        disturbance: why the re-run rule would reject this process; empty when it was quiet.
        probe_s: seconds of a fixed piece of work before and after each timed generation.
        failure: why there is no timing; empty when there is. ``outcome`` says what kind.
    """

    arm: Arm
    cases: tuple[CaseTiming, ...] = ()
    start_s: float = 0.0
    load_s: Mapping[str, float] = field(default_factory=dict)
    components_s: Mapping[str, float] = field(default_factory=dict)
    component_stages: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    replay_s: Mapping[str, float] = field(default_factory=dict)
    disturbance: str = ""
    probe_s: tuple[float, ...] = ()
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
            CaseTiming(**{**one, "case": Case(**one["case"]), "warm_s": tuple(one["warm_s"])})
            for one in data["cases"]
        )
        read = {
            "arm": Arm(data["arm"]),
            "outcome": Outcome(data["outcome"]),
            "probe_s": tuple(data.get("probe_s", ())),
            "cases": cases,
        }
        return cls(**{**data, **read})


@dataclass(frozen=True)
class Pair:
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
    def disturbance(self) -> str:
        """Why the re-run rule would set the pair aside; empty when it was quiet."""
        arms = (self.baseline, self.patched)
        probes_s = [seconds for timing in arms for seconds in timing.probe_s]
        return next((one.disturbance for one in arms if one.disturbance), changed_speed(probes_s))

    def as_json(self) -> dict[str, Any]:
        """JSON values; `from_json` gives the equal pair back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Pair:
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
