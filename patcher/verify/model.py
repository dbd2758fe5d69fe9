"""The values verification speaks in: cases, what happened to them, what the gates said, a verdict.

Frozen and without behaviour beyond small derived properties and ``as_json``, which gives the keys
of ``patcher verify --json``. Whether the worker worked (`Outcome`) and what the gates said
(`GateResult`) are two axes and stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Arm(str, Enum):
    """Which tree ran."""

    BASELINE = "baseline"
    PATCHED = "patched"


class Outcome(str, Enum):
    """Did the worker work?"""

    OK = "ok"
    EXCEPTION = "exception"  # Python raised
    TIMEOUT = "timeout"  # over its time; killed, its stacks dumped first
    OOM = "oom"  # out of memory, the host's or the device's
    KILLED = "killed"  # by a signal nobody here sent
    CRASHED = "crashed"  # ended by itself: segmentation fault, abort, early exit


class Status(str, Enum):
    """What a case comes to."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"


class Verdict(str, Enum):
    """What a verification comes to."""

    PASS = "pass"
    FAIL = "fail"
    CANNOT_JUDGE = "cannot-judge"


@dataclass(frozen=True, order=True)
class Case:
    """One model and one test, by name."""

    model: str
    test: str

    def __str__(self) -> str:
        return f"{self.model} / {self.test}"


@dataclass(frozen=True)
class Frame:
    """One line of a traceback. ``file`` is relative to the tree for the target's own files."""

    file: str
    line: int
    function: str
    text: str = ""
    in_target: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a worker did not deliver.

    Attributes:
        kind: ``exception``, ``import``, ``compile``, ``wrong-code``, ``device-oom``,
            ``device-assert``, ``host-oom``, ``signal``, ``exit``, ``timeout``, ``protocol``.
        type: the exception's class name, or the signal's name.
        message: the exception's text, unchanged.
        frames: the traceback, outermost first.
        log: the last lines the worker printed; for a timeout the dumped stacks.
        stage: what the worker was doing: ``open``, ``run``, ...
    """

    kind: str
    type: str = ""
    message: str = ""
    frames: tuple[Frame, ...] = ()
    log: str = ""
    stage: str = ""

    @property
    def signature(self) -> tuple[str, str, str]:
        """Equal for failures that are one and the same to a reader."""
        return (self.kind, self.type, self.message)

    @property
    def text(self) -> str:
        """One line for people; an exception's own text comes unchanged."""
        return self.message or self.type or self.kind


@dataclass(frozen=True)
class Stage:
    """One output of a run, kept in a file of raw little-endian elements.

    ``sha256`` covers dtype, shape and bytes: equal hashes mean equal arrays.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    path: str


@dataclass(frozen=True)
class Measure:
    """What one run cost.

    Attributes:
        wall_s: seconds of the generation.
        audio_s: seconds of audio made, or None.
        tokens: tokens made, or None.
        stage_s: seconds by stage.
        memory_mib: peak device memory; on the CPU the growth of the process's peak.
    """

    wall_s: float
    audio_s: float | None = None
    tokens: int | None = None
    stage_s: Mapping[str, float] = field(default_factory=dict)
    memory_mib: float | None = None

    @property
    def rtf(self) -> float | None:
        """Compute seconds per audio second, lower is better."""
        return self.wall_s / self.audio_s if self.audio_s else None


@dataclass(frozen=True)
class CaseResult:
    """One run of one case on one arm.

    Attributes:
        not_applicable: why the case cannot exist here; empty for ordinary cases.
        failure: set exactly when ``outcome`` is not ``ok``.
        sample_rate: of the stage ``waveform``, or None.
        expected_s: plausible (shortest, longest) audio in seconds, or None.
        facts: what the session said of itself (device, versions).
        reused: the result came from the run database.
    """

    case: Case
    arm: Arm
    outcome: Outcome
    failure: Failure | None = None
    not_applicable: str = ""
    stages: tuple[Stage, ...] = ()
    measure: Measure | None = None
    sample_rate: int | None = None
    expected_s: tuple[float, float] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    reused: bool = False

    @property
    def ok(self) -> bool:
        """The worker delivered something to judge."""
        return self.outcome is Outcome.OK and not self.not_applicable

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, or None."""
        return next((stage for stage in self.stages if stage.name == name), None)


@dataclass(frozen=True)
class GateResult:
    """What one gate says of one case.

    Attributes:
        gate: ``smoke``, ``bitwise``, ``close`` or ``perceptual``.
        message: one sentence; empty when it passed and there is nothing to say.
        stage, index, size: the first stage that differs, the flat index of its first differing
            element, and how many elements differ.
        measured: the figures behind it, by name; ``limits`` what each was held against.
    """

    gate: str
    passed: bool
    message: str = ""
    stage: str | None = None
    index: int | None = None
    size: int | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        return {
            "gate": self.gate,
            "passed": self.passed,
            "message": self.message,
            "stage": self.stage,
            "index": self.index,
            "size": self.size,
            "measured": dict(self.measured),
            "limits": dict(self.limits),
        }


@dataclass(frozen=True)
class CaseJudgement:
    """One case after both arms ran.

    Attributes:
        status: of the patched arm; ``reason`` is the row of the decision table that gave it.
        baseline, patched: the runs; ``patched`` is None when it was not worth running.
        gates: what was checked, in order; stops at the first failure.
        baseline_gates: the checks on the baseline itself.
        flaky: failed, and passed when repeated.
    """

    case: Case
    status: Status
    reason: str
    baseline: CaseResult | None
    patched: CaseResult | None
    gates: tuple[GateResult, ...] = ()
    baseline_gates: tuple[GateResult, ...] = ()
    flaky: bool = False
    note: str = ""

    @property
    def failed_gate(self) -> GateResult | None:
        """The gate the patched run failed, or None."""
        return next((gate for gate in self.gates if not gate.passed), None)

    @property
    def error(self) -> str | None:
        """What went wrong, one line, or None."""
        if self.status is Status.PASS:
            return None
        if self.patched is not None and self.patched.failure is not None:
            return self.patched.failure.text
        gate = self.failed_gate
        return (gate.message if gate else "") or self.note or None

    def as_json(self) -> dict[str, Any]:
        """One entry of ``cases``."""
        patched = self.patched or self.baseline
        failed = self.failed_gate
        last = failed or (self.gates[-1] if self.gates else None)
        return {
            "model": self.case.model,
            "test": self.case.test,
            "status": self.status.value,
            "outcome": patched.outcome.value if patched else Outcome.OK.value,
            "gate": last.gate if last else None,
            "error": self.error,
            "baseline": self._baseline_json(),
            "reason": self.reason,
            "flaky": self.flaky,
            "difference": failed.as_json() if failed else None,
        }

    def _baseline_json(self) -> dict[str, Any]:
        baseline = self.baseline
        if baseline is None or baseline.not_applicable:
            note = baseline.not_applicable if baseline else self.note
            return {"status": Status.NOT_APPLICABLE.value, "outcome": "ok", "error": note or None}
        failed = next((gate for gate in self.baseline_gates if not gate.passed), None)
        error = baseline.failure.text if baseline.failure else (failed.message if failed else None)
        status = Status.FAIL if error is not None else Status.PASS
        return {"status": status.value, "outcome": baseline.outcome.value, "error": error}


@dataclass(frozen=True)
class Diagnosis:
    """Why cases failed, traced to lines of the target.

    Attributes:
        error: the exception's text.
        where: file of the failing line, relative to the tree; ``line`` its number on pristine.
        cause: one or two sentences.
        created_at: ``FILE:LINE FUNCTION`` where the tensor was made.
        fires_when: the condition under which the line is reached.
        patch: the patch whose edit is responsible; ``remedy`` the patch that removes the cause.
        cases: the cases it explains.
    """

    error: str
    where: str | None = None
    line: int | None = None
    cause: str = ""
    created_at: str | None = None
    fires_when: str | None = None
    patch: str | None = None
    remedy: str | None = None
    cases: tuple[Case, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """One entry of ``diagnosis``."""
        return {
            "error": self.error,
            "where": self.where,
            "line": self.line,
            "cause": self.cause,
            "created_at": self.created_at,
            "fires_when": self.fires_when,
            "patch": self.patch,
            "remedy": self.remedy,
        }


class Speed(Protocol):
    """What a benchmark concludes (made by `patcher.verify.bench.run`)."""

    def as_json(self) -> dict[str, Any]:
        """The object ``speed`` of the JSON contract."""

    def table_json(self) -> dict[str, Any]:
        """The object ``table`` of the JSON contract: rows by arm."""


@dataclass(frozen=True)
class Judgement:
    """What a verification concludes.

    Attributes:
        verdict: with ``reason``, the row of the decision table that gave it.
        sentence: the verdict in one sentence.
        gate: the gate the series claims to pass.
        reproducible: what baseline against baseline showed: ``bitwise``, ``differs`` (the
            baseline does not repeat itself), or ``not-measured``.
        weights: which weights were used.
        facts: device, versions, threads.
        warnings: what a reader should know before trusting the verdict.
        trees: sha256 by arm.
    """

    verdict: Verdict
    reason: str
    sentence: str
    cases: tuple[CaseJudgement, ...] = ()
    gate: str = "bitwise"
    diagnosis: tuple[Diagnosis, ...] = ()
    speed: Speed | None = None
    reproducible: str = "not-measured"
    weights: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    trees: Mapping[str, str] = field(default_factory=dict)
    wall_s: float = 0.0

    def count(self, status: Status) -> int:
        """How many cases came to ``status``."""
        return sum(case.status is status for case in self.cases)

    def as_json(self) -> dict[str, Any]:
        """The keys of ``verify --json`` that verification itself knows."""
        found: dict[str, Any] = {
            "verdict": self.verdict.value,
            "reason": self.reason,
            "sentence": self.sentence,
            "gate": self.gate,
            "cases": [case.as_json() for case in self.cases],
            "diagnosis": [one.as_json() for one in self.diagnosis],
            "reproducible": self.reproducible,
            "weights": self.weights,
            "environment": dict(self.facts),
            "warnings": list(self.warnings),
            "trees": dict(self.trees),
            "wall_s": round(self.wall_s, 3),
        }
        if self.speed is not None:
            found["speed"] = self.speed.as_json()
            found["table"] = self.speed.table_json()
        return found
