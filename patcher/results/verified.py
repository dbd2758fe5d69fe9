"""What ``patcher verify`` returns: frozen values whose fields are the keys of ``--json``.

`patcher.results.judged` makes them from a judgement, `patcher.results.reading` from their JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.results.writing import optional, unwritten

if TYPE_CHECKING:
    from patcher.bench.figures import ArmTable, SpeedFigures
    from patcher.errors import PatcherError
    from patcher.execution.results import Outcome
    from patcher.gates.result import GateResult
    from patcher.verify.judgement import Status, Verdict


@dataclass(frozen=True)
class BaselineOutcome:
    """What a case came to on pristine."""

    status: Status
    outcome: Outcome
    error: str | None


@dataclass(frozen=True)
class ArmSeconds:
    """What the judged call took in each arm; no timing, for nothing else was kept away."""

    baseline: float | None
    patched: float | None


@dataclass(frozen=True)
class StageOutcome:
    """One stage of the baseline; ``same``: equal to the bit on the patched arm, None without."""

    name: str
    dtype: str
    shape: Sequence[int]
    same: bool | None


@dataclass(frozen=True)
class CaseOutcome:
    """One case of the patched arm.

    Attributes:
        gate: the gate it failed, or the last one it passed.
        reason: the row of the decision table that gave the status.
        flaky: failed, and passed when repeated.
        difference: what the gate that failed says.
    """

    model: str
    test: str
    status: Status
    outcome: Outcome
    gate: str | None
    error: str | None
    baseline: BaselineOutcome
    reason: str
    flaky: bool
    difference: GateResult | None
    seconds: ArmSeconds
    stages: Sequence[StageOutcome]


@dataclass(frozen=True)
class DrawnOutcome(CaseOutcome):
    """A call beyond the matrix; ``kind`` and ``options`` as in `patcher.verify.judgement`."""

    kind: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class DrawnInputs:
    """The calls beyond the matrix, and the seed that draws them again."""

    seed: int | None
    drawn: Sequence[DrawnOutcome]


@dataclass(frozen=True)
class SourceExcerpt:
    """Pristine lines around a place: ``first`` is the number of the first of them."""

    role: str
    file: str
    line: int
    function: str
    first: int
    lines: Sequence[str]


@dataclass(frozen=True)
class FailureCause:
    """Why cases failed, traced to lines; as in `patcher.verify.judgement.Diagnosis`."""

    error: str
    where: str | None
    line: int | None
    cause: str
    created_at: str | None
    fires_when: str | None
    patch: str | None
    remedy: str | None
    cases: Sequence[str]
    edit: str | None
    called_with: str | None
    excerpts: Sequence[SourceExcerpt] = ()


@dataclass(frozen=True)
class ExercisedEdit:
    """What ran of one edit: ``ran``, ``branch``, ``import``, ``never`` or ``not-applicable``."""

    patch: str
    file: str
    line: int
    function: str
    kind: str
    cases: Sequence[str]


@dataclass(frozen=True)
class UndeclaredEffect:
    """What a patch does beside computing and does not declare; ``needs`` would declare it."""

    patch: str
    file: str
    line: int
    what: str
    needs: Sequence[str]


@dataclass(frozen=True)
class ArmLife:
    """Many calls in one process: MiB and seconds after each, and what they come to."""

    memory_mib: Sequence[float]
    seconds: Sequence[float]
    mib_a_call: float
    slowing: float


@dataclass(frozen=True)
class LifeOutcome:
    """What a long life showed; None for an arm that did not last."""

    model: str
    calls: int
    passed: bool
    message: str
    baseline: ArmLife | None
    patched: ArmLife | None


@dataclass(frozen=True)
class SurvivalOutcome:
    """One probe of what a loaded model survives, on both arms."""

    probe: str
    baseline: str
    patched: str
    detail: str
    lost: bool


@dataclass(frozen=True)
class IsolationOutcome:
    """``--isolate``: the smallest groups that fail, what was kept, and how many trials it took."""

    culprits: Sequence[Sequence[str]]
    kept: Sequence[str]
    trials: int


@dataclass(frozen=True, kw_only=True)
class JudgedOutcome:
    """What two trees came to, beside each other.

    Attributes:
        reason, sentence: why, as a word and for people.
        gate, compared: what the outputs were held against, and what was compared.
        environment: device, versions, threads, as the session and the machine say.
        trees: sha256 by arm.
        guards: what kept the arms apart.
        from_load_on: what differs between the arms once a model is loaded.
        life, survived, speed, table: None where they were not asked for.
    """

    verdict: Verdict
    reason: str
    sentence: str
    gate: str
    compared: str
    cases: Sequence[CaseOutcome]
    diagnosis: Sequence[FailureCause]
    reproducible: str
    weights: str
    environment: Mapping[str, Any]
    warnings: Sequence[str]
    trees: Mapping[str, str]
    guards: Sequence[str]
    wall_s: float
    inputs: DrawnInputs
    exercised: Sequence[ExercisedEdit]
    allowed_unexercised: bool
    from_load_on: Sequence[str]
    undeclared: Sequence[UndeclaredEffect]
    declares: Mapping[str, Sequence[str]]
    life: LifeOutcome | None = optional()
    survived: Sequence[SurvivalOutcome] | None = optional()
    speed: SpeedFigures | None = optional()
    table: ArmTable | None = optional()


@dataclass(frozen=True, kw_only=True)
class VerifyResult(JudgedOutcome):
    """``patcher verify``.

    Attributes:
        counts: how many cases came to each status.
        restored: the tree was put back, because the verdict asked for it.
        series: the patches that were judged; ``series_now`` those that are applied afterwards.
        id: the run's number in `patcher history`; None where it could not be kept.
        machine: the machine in one line; ``date`` in UTC, when it began.
        diff: pristine to patched; empty where it is too long to keep.
        identity: a hash of everything the outcome hangs on that is known before it runs.
        receipt: the document of `patcher receipt`, sealed.
        unmet: why ``--require`` is not met.
        taken_out: named patches that were only tried and are out again.
        answered_from: the number of the identical run whose record this is.
        error: the error the command ends with; None when its exit status is 0. Not in the JSON.
    """

    counts: Mapping[str, int]
    restored: bool
    id: int | None
    series: Sequence[str]
    series_now: Sequence[str]
    target: str
    version: str | None
    date: str
    machine: str
    diff: str
    unmet: str | None = optional()
    taken_out: Sequence[str] | None = optional()
    isolation: IsolationOutcome | None = optional()
    identity: str | None = optional()
    receipt: Mapping[str, Any] | None = optional()
    answered_from: int | None = optional()
    error: PatcherError | None = unwritten()

    @property
    def ok(self) -> bool:
        """Whether the command ends with exit status 0."""
        return self.error is None
