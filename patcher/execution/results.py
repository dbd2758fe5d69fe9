"""What happened when a case ran on one arm: outcome, failure, stages, cost. Frozen values.

Whether the worker worked (`Outcome`) and what the gates said of what it delivered
(`patcher.gates.result.GateResult`) are two axes and stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


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


RAISED = frozenset({"exception", "import", "compile", "device-oom", "device-assert"})
# Exceptions of the worker itself, whose text is a whole sentence.
SENTENCES = frozenset({"CommandFailed", "NoOutput", "CannotEncode", "CannotDecode"})


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
        """For people: an exception as Python prints it, its own text unchanged."""
        if self.kind in RAISED and self.type and self.type not in SENTENCES:
            return f"{self.type}: {self.message}" if self.message else self.type
        return self.message or self.type or self.kind


@dataclass(frozen=True)
class Stage:
    """One output of a run, kept in a file of raw little-endian elements.

    ``sha256`` covers dtype, shape and bytes: equal hashes mean equal arrays. ``measure`` is how it
    is compared, a key of `patcher.targets.adapter.MEASURES`; empty for numbers.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    path: str
    measure: str = ""


@dataclass(frozen=True)
class Measure:
    """What one run cost.

    Attributes:
        wall_s: seconds of the call.
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
        returned: what the public call returned; what gates compare first.
        asked: what the call asked of its parts, before the adapter capped it.
        state: digests of what the call left behind; ``changed`` names those it changed.
        later: ``returned``, read once more after all later calls; empty where nothing was read.
        unread: what the call returned can be read once more, and has not been: a worker that was
            interrupted before that, or ended otherwise, leaves such results. ``unreadable`` says
            why, where the worker tried.
        ran: lines of edited functions that ran, by file relative to the tree.
        sample_rate: of the audio, or None.
        expected_s: plausible (shortest, longest) audio in seconds, or None.
        called_with: the input in one line; empty where the session does not say.
        facts: what the session said of itself (device, versions).
        embedded: of a replay: what pristine code reads out of what was returned, by arm and name
            (a watermark); None where nothing was asked.
        reused: the result came from the run database.
    """

    case: Case
    arm: Arm
    outcome: Outcome
    failure: Failure | None = None
    not_applicable: str = ""
    stages: tuple[Stage, ...] = ()
    returned: tuple[Stage, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    later: tuple[Stage, ...] = ()
    unread: bool = False
    unreadable: str = ""
    ran: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    measure: Measure | None = None
    sample_rate: int | None = None
    expected_s: tuple[float, float] | None = None
    called_with: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    embedded: Mapping[str, Mapping[str, Any]] | None = None
    reused: bool = False

    @property
    def ok(self) -> bool:
        """The worker delivered something to judge."""
        return self.outcome is Outcome.OK and not self.not_applicable

    def stage(self, name: str) -> Stage | None:
        """The stage of that name, or None."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def measured(self, measure: str) -> Stage | None:
        """The last stage that is of a measure, or None."""
        return next((s for s in reversed(self.stages) if s.measure == measure), None)


def stage_from(values: Mapping[str, Any]) -> Stage:
    """A stage as the worker describes it."""
    return Stage(**{**values, "shape": tuple(values["shape"])})
