"""What the commands that run, judge, look back and look after a workspace return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.results.writing import optional

if TYPE_CHECKING:
    from patcher.store.doctor import Finding
    from patcher.verify.judgement import Verdict


@dataclass(frozen=True)
class PastVerification:
    """One verification; ``when`` in UTC, ``time_ratio`` patched / baseline."""

    id: int
    target: str
    version: str
    when: str
    wall_s: float
    verdict: str
    series: Sequence[str]
    cases: int
    passed: int
    speed: str | None
    time_ratio: float | None
    trees: Mapping[str, str]


@dataclass(frozen=True)
class TimedRun:
    """One timed verification of a trend."""

    id: int
    series: Sequence[str]
    time_ratio: float


@dataclass(frozen=True)
class HistoryResult:
    """``patcher history``, newest first.

    Attributes:
        trend: the runs that may be compared with the newest timed one, oldest first.
    """

    verifications: Sequence[PastVerification]
    trend: Sequence[TimedRun]


@dataclass(frozen=True)
class ComparedCase:
    """One case's status in two runs; None where it was not run."""

    model: str
    test: str
    first: str | None
    second: str | None


@dataclass(frozen=True)
class CompareResult:
    """``patcher compare``.

    Attributes:
        comparable: whether the speeds may be compared; ``differences`` says why not.
        added, removed: patches of the second run that the first has not, and the reverse.
    """

    first: PastVerification
    second: PastVerification
    comparable: bool
    differences: Sequence[str]
    added: Sequence[str]
    removed: Sequence[str]
    cases: Sequence[ComparedCase]


@dataclass(frozen=True)
class ErrorHelp:
    """One row of the table of errors, explained."""

    code: str
    title: str
    means: str
    exit: int
    touched: str
    help: str


@dataclass(frozen=True)
class ExplainResult:
    """``patcher explain``: the code asked for, or all."""

    errors: Sequence[ErrorHelp]


@dataclass(frozen=True)
class DiscardedEdit:
    """One hand edit; ``backup`` is where its bytes are kept, relative to the workspace."""

    path: str
    kind: str
    backup: str | None


@dataclass(frozen=True)
class DiscardResult:
    """``patcher discard``."""

    discarded: Sequence[DiscardedEdit]
    commit: str | None
    dry_run: bool | None = optional()


@dataclass(frozen=True)
class JudgedCandidate:
    """What `patcher judge` knows of one candidate.

    Attributes:
        kind: ``patch``, ``set``, ``spec``, ``diff``, ``ref``, ``folder``, ``combination``, or
            ``unreadable``.
        verdict: of the gates, as in ``verify``; None for what could not be run.
        where: ``FILE:LINE`` of the target for what failed: the line that raised, or the edit that
            changed the output.
        step: how far it came: ``gates``, ``screen`` or ``confirm``.
        speed: the word of its last measurement; ratios are its time over the other arm's.
        beside: what it was last timed beside.
        kept: it passed its gates and was called faster twice.
    """

    name: str
    kind: str
    verdict: str | None = None
    error: str | None = None
    where: str | None = None
    patches: Sequence[str] = ()
    step: str = "gates"
    speed: str | None = None
    time_ratio: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    pairs: int = 0
    beside: str = "pristine"
    kept: bool = False


@dataclass(frozen=True)
class JudgeResult:
    """``patcher judge``: every candidate, what was kept first, each by its gain."""

    target: str
    candidates: Sequence[JudgedCandidate]
    kept: Sequence[str]


@dataclass(frozen=True)
class TriedSet:
    """One comparison of ``patcher tune``.

    Attributes:
        kind: ``start``, ``add``, ``swap``, ``drop``; ``left out`` for a patch that was not tried.
        changed: the set or the patch that was tried; ``patches`` is the whole set, in order.
        beside: the set it was timed beside; empty for pristine.
        time_ratio: its time over that of ``beside``, from ``low`` to ``high``.
    """

    kind: str
    changed: str
    patches: Sequence[str]
    beside: Sequence[str]
    verdict: str | None = None
    speed: str | None = None
    time_ratio: float | None = None
    low: float | None = None
    high: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class TuneResult:
    """``patcher tune``.

    Attributes:
        patches: the fastest set that was found, in the order of application.
        tried: every comparison, in the order in which they were made.
        complete: nothing was left to try; False when time ran out.
        set: the name under which it was written; None when nothing was.
        path: the file of sets; ``receipt`` the receipt of the last verification, beside pristine.
        time_ratio: of that verification: time of the set over pristine's, from ``low`` to ``high``.
    """

    target: str
    patches: Sequence[str]
    tried: Sequence[TriedSet]
    complete: bool
    set: str | None = None
    path: str | None = None
    receipt: str | None = None
    verdict: Verdict | None = None
    speed: str | None = None
    time_ratio: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class RunResult:
    """``patcher run``: the command, and the exit status it ended with."""

    command: Sequence[str]
    status: int


@dataclass(frozen=True)
class DoctorResult:
    """``patcher doctor``: what it found, problems first."""

    findings: Sequence[Finding]
