"""What a bench says, as values: the objects ``speed`` and ``table`` of ``verify --json``.

Seconds are medians; ratios are patched over baseline, below 1 is faster, from ``low`` to ``high``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patcher.bench.forecast import Forecast
    from patcher.bench.records import Fault
    from patcher.bench.speed import Regression, Word
    from patcher.gates.result import GateResult


@dataclass(frozen=True)
class ArmRow:
    """One model on one arm; what nothing was measured for is None.

    Attributes:
        tests: how many of its tests are in the row.
        avg_rtf: compute seconds per audio second; ``avg_x_realtime`` the inverse.
        avg_vram_mb: as `ArmTable.memory` says.
    """

    model: str
    tests: int
    avg_gen_s: float
    avg_rtf: float | None
    avg_vram_mb: float | None
    min_rtf: float | None
    max_rtf: float | None
    avg_x_realtime: float | None


@dataclass(frozen=True)
class RatioRow:
    """One model, patched over baseline."""

    model: str
    avg_gen_s: float | None
    avg_rtf: float | None
    avg_vram_mb: float | None


@dataclass(frozen=True)
class ArmTable:
    """The object ``table``: rows by arm, then what they hold and where they come from."""

    baseline: Sequence[ArmRow]
    patched: Sequence[ArmRow]
    ratio: Sequence[RatioRow]
    timed: bool
    source: str
    memory: str


@dataclass(frozen=True, kw_only=True)
class SecondsRow:
    """Seconds of both arms, and their ratio with its interval."""

    baseline_s: float
    patched_s: float
    time_ratio: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class PartRow(SecondsRow):
    """Named seconds of both arms: they explain, they decide nothing."""

    name: str


@dataclass(frozen=True, kw_only=True)
class StageRow(PartRow):
    """A stage, also by token and by second of audio."""

    baseline_s_per_token: float | None = None
    baseline_s_per_audio_s: float | None = None
    patched_s_per_token: float | None = None
    patched_s_per_audio_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class ComponentRow(PartRow):
    """A part run alone, and what the claim's gate says of its output; None for no gate."""

    gate: GateResult | None = None


@dataclass(frozen=True, kw_only=True)
class RepeatedRow(SecondsRow):
    """What is won by asking for an input again, beyond what the baseline wins by it."""

    cases: Sequence[str]


@dataclass(frozen=True)
class ArmStart:
    """Start, first call and later calls of one arm."""

    start_s: float | None
    first_call_s: float | None
    later_call_s: float | None

    @property
    def known(self) -> bool:
        return None not in (self.start_s, self.first_call_s, self.later_call_s)


@dataclass(frozen=True)
class ColdAndWarm:
    """Both arms' starts.

    Attributes:
        pays_after_calls: after how many calls a slow start pays; None when the patched arm starts
            no slower, or never catches up.
    """

    baseline: ArmStart
    patched: ArmStart
    pays_after_calls: int | None


@dataclass(frozen=True)
class LostProcess:
    """A process that a limit, a signal or the machine's memory ended."""

    pair: int
    arm: str
    reason: str


@dataclass(frozen=True)
class PairNote:
    """A pair that was run again, or disturbed, and why."""

    pair: int
    reason: str


@dataclass(frozen=True)
class SpeedFigures:
    """The object ``speed``: the verdict, and everything that explains it.

    Attributes:
        margin, noise_floor, smallest_detectable: relative changes (0.03 = 3 %).
        pairs_needed: pairs still missing for a decision; 0 when decided.
        plan: the plan's name.
        endpoint: what was compared: seconds, or seconds a token.
        stopped: why the bench ended (see `patcher.bench.run.BenchRun`).
        reused_pairs: pairs that an earlier, interrupted run had timed.
        lengths: mean output length by arm and case.
        environment: facts of the machine's fingerprint.
        caveats: what to know before the figures are trusted, a sentence each.
    """

    time_ratio: float | None
    low: float | None
    high: float | None
    confidence: float | None
    verdict: Word
    pairs: int
    margin: float
    noise_floor: float
    smallest_detectable: float | None
    reason: str
    means: str
    pairs_needed: int | None
    regressions: Sequence[Regression]
    sentence: str
    plan: str
    aa: bool
    forecast: Forecast | None
    endpoint: str
    stopped: str
    failure: str | None
    fault: Fault | None
    lost: Sequence[LostProcess]
    repeated: RepeatedRow | None
    repeating_cases: Sequence[str]
    reused_pairs: int
    pair_ratios: Sequence[float]
    rerun: Sequence[PairNote]
    disturbed: Sequence[PairNote]
    length_confounded: Sequence[str]
    lengths: Mapping[str, Mapping[str, float]]
    cold: ColdAndWarm
    stages: Sequence[StageRow]
    components: Sequence[ComponentRow]
    fixed_work: Sequence[PartRow]
    environment: Mapping[str, Any]
    caveats: Sequence[str] = ()
