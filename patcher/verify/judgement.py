"""What verification concludes: a case judged, a diagnosis, the whole judgement. Frozen values.

`patcher.results.judged` makes of them what ``patcher verify`` returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.bench.figures import ArmTable, SpeedFigures
    from patcher.bench.records import Fault
    from patcher.execution.results import Case, CaseResult
    from patcher.gates.result import GateResult
    from patcher.verify.declarations import Undeclared
    from patcher.verify.exercised import Exercise
    from patcher.verify.life import Life
    from patcher.verify.survival import Survived


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
    NOTHING_TO_VERIFY = "nothing-to-verify"
    UNDECLARED = "undeclared"
    NOT_EXERCISED = "not-exercised"


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


@dataclass(frozen=True)
class Further:
    """A call beyond the matrix, after both arms made it.

    Attributes:
        kind: ``drawn``, ``edge``, ``reseeded``, ``again``, ``refused`` or ``entry``.
        options: its input, in the adapter's words.
    """

    judgement: CaseJudgement
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


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
        edit: ``FILE:LINE FUNCTION`` on pristine of the edit that is responsible.
        called_with: the drawn input of its first case, in one line; None where none was drawn.
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
    edit: str | None = None
    called_with: str | None = None


class Speed(Protocol):
    """What a benchmark concludes (made by `patcher.bench.run`)."""

    @property
    def fault(self) -> Fault | None:
        """What the patched arm did wrong while it was timed; the verification fails for it."""

    @property
    def figures(self) -> SpeedFigures:
        """The verdict with everything that explains it."""

    @property
    def table(self) -> ArmTable:
        """Rows by arm."""


@dataclass(frozen=True)
class Judgement:
    """What a verification concludes.

    Attributes:
        verdict: with ``reason``, the row of the decision table that gave it.
        sentence: the verdict in one sentence.
        gate: the gate the series claims to pass; ``tests`` or ``exit-status`` where that is all
            there is to judge by.
        compared: what was: ``returned``, ``outputs``, ``tests``, ``exit-status``; several by
            commas.
        reproducible: what baseline against baseline showed: ``bitwise``, ``differs`` (the
            baseline does not repeat itself), or ``not-measured``.
        weights: which weights were used.
        facts: device, versions, threads.
        warnings: what a reader should know before trusting the verdict.
        trees: sha256 by arm.
        guards: what kept the arms apart (`patcher.execution.sandbox.GUARDS`).
        further: calls beyond the matrix; ``seed`` draws them again.
        exercised: what ran of each edit; ``allowed_unexercised`` when the user let that pass.
        life: what many calls in one process showed; None where they were not asked for.
        survived: what a loaded model is put through beside calls; empty where it was not asked for.
        from_load_on: what differs between the arms once a model is loaded.
        undeclared: what the patches do beside computing and do not declare.
        declares: what they declare, by patch.
    """

    verdict: Verdict
    reason: str
    sentence: str
    cases: tuple[CaseJudgement, ...] = ()
    gate: str = "bitwise"
    compared: str = ""
    diagnosis: tuple[Diagnosis, ...] = ()
    speed: Speed | None = None
    reproducible: str = "not-measured"
    weights: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    trees: Mapping[str, str] = field(default_factory=dict)
    wall_s: float = 0.0
    guards: tuple[str, ...] = ()
    further: tuple[Further, ...] = ()
    seed: int | None = None
    exercised: tuple[Exercise, ...] = ()
    allowed_unexercised: bool = False
    from_load_on: Sequence[str] = ()
    life: Life | None = None
    survived: tuple[Survived, ...] = ()
    undeclared: tuple[Undeclared, ...] = ()
    declares: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def count(self, status: Status) -> int:
        """How many cases came to ``status``."""
        return sum(case.status is status for case in self.cases)
