"""One verification as the reports see it: frozen values, read from the object of `verify --json`.

Reports are made from stored runs too, so everything they need is in that object, and what an
older run lacks reads as empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ARMS = ("baseline", "patched")
DISPUTED = ("clock-disputed", "impossible")  # words of the speed verdict: no figure counts


@dataclass(frozen=True)
class ArmState:
    """How one arm of a case ended. ``seconds``: of the judged call, or None."""

    status: str
    outcome: str = "ok"
    error: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class StageState:
    """One stage of a case: equal on both arms to the bit, or not; None where one arm has none."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    same: bool | None


@dataclass(frozen=True)
class StageDifference:
    """What the gate that failed measured: the first stage that differs, and how far."""

    gate: str
    message: str = ""
    stage: str = ""
    index: int | None = None
    size: int | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseRecord:
    """One case: one model and one test on both arms."""

    model: str
    test: str
    status: str
    baseline: ArmState
    patched: ArmState
    gate: str = ""
    error: str = ""
    reason: str = ""
    flaky: bool = False
    difference: StageDifference | None = None
    stages: tuple[StageState, ...] = ()

    @property
    def first_difference(self) -> str:
        """The first stage that is not equal on both arms, or empty."""
        if self.difference is not None and self.difference.stage:
            return self.difference.stage
        return next((stage.name for stage in self.stages if stage.same is False), "")


@dataclass(frozen=True)
class FurtherCall:
    """A call beyond the matrix; ``kind`` is why it was made."""

    case: CaseRecord
    kind: str


@dataclass(frozen=True)
class Excerpt:
    """Seven source lines around one place of a diagnosis.

    Attributes:
        role: what the place is: ``fails here``, ``made here``, ``the edit``.
        first: number of the first of ``lines``.
    """

    role: str
    file: str
    line: int
    function: str
    first: int
    lines: tuple[str, ...]

    @property
    def numbered(self) -> tuple[tuple[int, str, bool], ...]:
        """Number, text, and whether it is the line itself."""
        return tuple(
            (number, text, number == self.line)
            for number, text in enumerate(self.lines, self.first)
        )


@dataclass(frozen=True)
class Cause:
    """One entry of ``diagnosis``; ``edit`` is ``FILE:LINE FUNCTION`` of the edit behind it."""

    error: str
    where: str = ""
    line: int | None = None
    cause: str = ""
    created_at: str = ""
    fires_when: str = ""
    patch: str = ""
    remedy: str = ""
    cases: tuple[str, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    edit: str = ""
    called_with: str = ""

    @property
    def at_edit(self) -> bool:
        """Whether the place is that of the edit: nothing failed at a line of its own."""
        return bool(self.place) and f"{self.edit} ".startswith(f"{self.place} ")

    @property
    def place(self) -> str:
        """``FILE:LINE``, or empty."""
        if not self.where:
            return ""
        return f"{self.where}:{self.line}" if self.line else self.where


@dataclass(frozen=True)
class StageTime:
    """Median seconds of one stage on both arms, and their ratio with its interval."""

    name: str
    baseline_s: float
    patched_s: float
    time_ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class SpeedRecord:
    """The speed verdict. Ratios are patched over baseline time: below 1 is faster.

    Attributes:
        fault: what the patched arm did wrong while it was timed; empty when it did nothing.
        caveats: what to know before the figures are trusted.
    """

    verdict: str
    sentence: str = ""
    means: str = ""
    time_ratio: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    pairs: int = 0
    margin: float = 0.0
    smallest_detectable: float | None = None
    pairs_needed: int | None = None
    pair_ratios: tuple[float, ...] = ()
    stages: tuple[StageTime, ...] = ()
    components: tuple[StageTime, ...] = ()
    repeated: tuple[str, ...] = ()
    disturbed: tuple[str, ...] = ()
    pays_after_calls: int | None = None
    fault: str = ""
    caveats: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether the figures say how fast the patched arm is."""
        return self.measured and not self.fault and self.verdict not in DISPUTED

    @property
    def measured(self) -> bool:
        return self.time_ratio is not None and self.low is not None and self.high is not None


@dataclass(frozen=True)
class TableRow:
    """One model's row of the report's own table."""

    model: str
    tests: int
    avg_gen_s: float | None = None
    avg_rtf: float | None = None
    avg_vram_mb: float | None = None
    min_rtf: float | None = None
    max_rtf: float | None = None


@dataclass(frozen=True)
class SpeedTable:
    """Both arms' rows; ``source`` says what was measured, ``memory`` what that column holds."""

    baseline: tuple[TableRow, ...]
    patched: tuple[TableRow, ...]
    source: str = ""
    memory: str = ""

    @property
    def on_host(self) -> bool:
        """No device memory was read: the column holds the process's own."""
        return "process" in self.memory


@dataclass(frozen=True)
class LifeRecord:
    """A model that lives on: seconds of each call, by arm."""

    model: str
    baseline_s: tuple[float, ...]
    patched_s: tuple[float, ...]


@dataclass(frozen=True)
class Ran:
    """A line of an edit that ran, in how many cases."""

    patch: str
    file: str
    line: int
    cases: int


@dataclass(frozen=True)
class Record:
    """A whole verification.

    Attributes:
        id: its number in the workspace's history; None when nothing was verified.
        series: what was judged; ``series_now`` what is applied afterwards.
        taken_out: patches that were only tried, and passed.
        culprits: what ``--isolate`` found: a patch, or patches that do not go together.
        unmet: what ``--require`` asked for and did not get, though every case passed.
        date: UTC, ``2026-01-31 12:00:00``.
        machine: the processor or the device, in one line.
        compared: what was held against what: ``returned``, ``outputs``, ``tests``, ``exit-status``.
        diff: unified diff of what was judged, pristine to patched.
        exercised: lines of edits, and in how many cases they ran; None where nobody looked.
        unexercised, undeclared: sentences about places that never ran, and about what patches do
            and do not declare.
    """

    verdict: str
    sentence: str
    id: int | None = None
    reason: str = ""
    gate: str = ""
    series: tuple[str, ...] = ()
    series_now: tuple[str, ...] = ()
    restored: bool = False
    kept: bool = False
    taken_out: tuple[str, ...] = ()
    unmet: str = ""
    culprits: tuple[str, ...] = ()
    target: str = ""
    version: str = ""
    date: str = ""
    machine: str = ""
    wall_s: float | None = None
    weights: str = ""
    compared: str = ""
    cases: tuple[CaseRecord, ...] = ()
    further: tuple[FurtherCall, ...] = ()
    causes: tuple[Cause, ...] = ()
    speed: SpeedRecord | None = None
    table: SpeedTable | None = None
    lives: tuple[LifeRecord, ...] = ()
    diff: str = ""
    exercised: tuple[Ran, ...] | None = None
    unexercised: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()
    guards: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    trees: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    receipt: str = ""
    reproducible: str = ""

    @property
    def failed(self) -> bool:
        """Whether it ends as a failure, whatever the word of the verdict."""
        return self.verdict == "fail" or bool(self.unmet)

    def count(self, status: str) -> int:
        """How many cases came to ``status``."""
        return sum(case.status == status for case in self.cases)

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(case.model for case in self.cases))

    @property
    def tests(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(case.test for case in self.cases))

    def case(self, model: str, test: str) -> CaseRecord | None:
        """The case of that model and test, or None."""
        return next((c for c in self.cases if (c.model, c.test) == (model, test)), None)
