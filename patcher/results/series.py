"""What the commands on patches and the series return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.results.writing import optional

if TYPE_CHECKING:
    from patcher.results.scanned import HazardOutcome
    from patcher.rewrite.selection import LeftOut
    from patcher.store.journal import DamagedJournal, Journal


@dataclass(frozen=True)
class InitResult:
    """``patcher init``: the new working copy; ``root`` is its import root, absolute."""

    target: str
    version: str | None
    origin: str
    root: Path
    in_place: bool


class PatchState(str, Enum):
    """What stands between a patch and a working copy."""

    AVAILABLE = "available"
    APPLIED = "applied"
    BLOCKED = "blocked"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True)
class Gain:
    """How many times as fast a stage was when the patch was timed, with its interval."""

    stage: str
    times_as_fast: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class ListedPatch:
    """One patch of the catalogue.

    Attributes:
        target: in PEP 508.
        equivalence: what it claims.
        elsewhere: it is for a package that this workspace has no working copy of.
        reason: why it is blocked or incompatible, in a sentence; None when it is neither.
    """

    name: str
    summary: str
    target: Sequence[str]
    equivalence: str
    reproduction: bool
    state: PatchState
    gain: Gain | None = None
    sets: Sequence[str] = ()
    elsewhere: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class ListedSet:
    """One set of the catalogue."""

    name: str
    patches: Sequence[str]
    summary: str


@dataclass(frozen=True)
class UnreadableSpec:
    """A spec with a mistake in it."""

    where: str | None
    message: str


@dataclass(frozen=True)
class ListResult:
    """``patcher list``: the catalogue."""

    patches: Sequence[ListedPatch]
    sets: Sequence[ListedSet]
    unreadable: Sequence[UnreadableSpec]


@dataclass(frozen=True)
class ShowResult:
    """``patcher show NAME``: one patch whole; ``spec`` is its file, ``diff`` on this copy."""

    name: str
    summary: str
    target: Sequence[str]
    equivalence: str
    reproduction: bool
    state: PatchState
    requires: Sequence[str]
    conflicts: Sequence[str]
    companions: Sequence[str]
    hazards: Sequence[str]
    declares: Sequence[str]
    measured: Sequence[Any]
    spec: str
    problems: Sequence[str] = ()
    diff: str = ""


@dataclass(frozen=True)
class PlannedSite:
    """A place that an edit changes; ``line`` counts in the target as it is now, from 1."""

    line: int
    column: int
    text: str


@dataclass(frozen=True)
class PlannedEdit:
    """One edit of a plan.

    Attributes:
        status: ``ready``, ``already``, or why not.
        spec_line: where the edit stands in its spec.
        notes: what it drops, such as comments.
        fit: with ``--on``: whether the site is there, has moved (``moved_to``) or is not.
    """

    file: str
    within: str | None
    status: str
    expected: str
    spec_line: int
    sites: Sequence[PlannedSite]
    message: str
    notes: Sequence[str] = ()
    fit: str | None = optional()
    moved_to: str | None = optional(beside="fit")


@dataclass(frozen=True)
class PlannedPatch:
    """One patch of a plan, on what the patches before it leave.

    Attributes:
        fit: how the spec and the target go together.
        problems: why it cannot be applied, a sentence each.
        needs: with ``--on``: patches before it without which it does not fit.
    """

    name: str
    fit: str
    edits: Sequence[PlannedEdit]
    problems: Sequence[str] = ()
    needs: Sequence[str] | None = optional()


@dataclass(frozen=True)
class PlanResult:
    """``patcher plan``: what would change.

    Attributes:
        problems: why it cannot be applied, rendered; empty when it can.
        not_commuting: pairs of patches whose order matters.
        refused: the code of the error that applying would end with, or None.
        left_out: what of a set does not fit the target, with the reason.
        on: the source that was planned on, where it is not the working copy.
        hazards: what the patches will break (``--scan``).
    """

    patches: Sequence[PlannedPatch]
    diff: str
    problems: Sequence[str]
    not_commuting: Sequence[Sequence[str]]
    refused: str | None = None
    left_out: Sequence[LeftOut] = ()
    on: str | None = optional()
    hazards: Sequence[HazardOutcome] | None = optional()

    @property
    def fits(self) -> bool:
        """Every edit can be applied."""
        return not self.problems


@dataclass(frozen=True)
class FileChange:
    """A file that was changed: sha256 before and after, None where there was or is no file."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class ApplyResult:
    """``patcher apply``: ``applied`` are the patches newly applied, ``already`` the others.

    ``left_out``: what of a set does not fit the target, with the reason. ``notes``: what the edits
    drop, such as comments.
    """

    applied: Sequence[str]
    already: Sequence[str]
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()
    files: Sequence[FileChange] = ()
    commit: str | None = None
    dry_run: bool | None = optional()
    hazards: Sequence[HazardOutcome] | None = optional()


@dataclass(frozen=True)
class RevertedCopy:
    """What was taken out of one working copy."""

    target: str
    reverted: Sequence[str]
    files: Sequence[FileChange] = ()
    commit: str | None = None


@dataclass(frozen=True)
class RevertResult:
    """``patcher revert``: the patches that were taken out.

    Attributes:
        commit: of the git record; the first one where several working copies were changed.
        working_copies: the same, working copy by working copy.
    """

    reverted: Sequence[str]
    files: Sequence[FileChange] = ()
    commit: str | None = None
    working_copies: Sequence[RevertedCopy] = ()


@dataclass(frozen=True)
class CopyDiff:
    """The diff of one working copy."""

    target: str
    diff: str


@dataclass(frozen=True)
class DiffResult:
    """``patcher diff``: a unified diff, pristine against patched, of every working copy."""

    diff: str
    working_copies: Sequence[CopyDiff] = ()


@dataclass(frozen=True)
class DriftedFile:
    """A file that is neither what patcher wrote nor pristine."""

    path: str
    kind: str


@dataclass(frozen=True)
class CopyStatus:
    """The state of one working copy; as in `StatusResult`."""

    target: str
    version: str | None
    root: Path
    series: Sequence[str] = ()
    drift: Sequence[DriftedFile] = ()
    verified: Sequence[str] | None = None
    workload_changed: bool = False
    others: Sequence[str] = ()


@dataclass(frozen=True)
class StatusResult:
    """``patcher status``; all None and empty while there is no working copy.

    Where the workspace has several and none is asked for, ``target`` and what goes with it are
    of the one that is configured, else of the first by name.

    Attributes:
        working_copies: every working copy that was asked about.
        root: the import root of the working copy, absolute.
        journal: an interrupted change, if there is one.
        verified: the series that passed last.
        workload_changed: what the settings say to run was changed after that pass.
        others: other workspaces that have patched the same checkout, each with its series.
        lost: what is the matter with each tree that is patched and whose records are lost.
    """

    target: str | None = None
    version: str | None = None
    root: Path | None = None
    series: Sequence[str] = ()
    drift: Sequence[DriftedFile] = ()
    journal: Journal | DamagedJournal | None = None
    verified: Sequence[str] | None = None
    workload_changed: bool = False
    others: Sequence[str] = ()
    working_copies: Sequence[CopyStatus] = ()
    lost: Sequence[str] = ()


@dataclass(frozen=True)
class CheckResult:
    """``patcher check``: specs linted and fixtures run; ``elsewhere`` counts those that were left
    out, for they are for other targets.
    """

    checked: Sequence[str]
    fixtures: int
    problems: Sequence[str]
    schema_path: Path
    elsewhere: int = 0


@dataclass(frozen=True)
class NewResult:
    """``patcher new``: the spec that was written.

    Attributes:
        note: where FILE is not pristine: how LINE was counted, and what the spec then stands on.
    """

    spec: Path
    text: str
    note: str | None = optional()


@dataclass(frozen=True)
class CaptureResult:
    """``patcher capture``: the spec that reproduces the hand edits.

    Attributes:
        attachments: files written beside it, by path relative to its folder.
        requires: patches of the series that it names as required.
        next: the command that makes the edits the patch's.
    """

    spec: Path
    text: str
    files: Sequence[str]
    attachments: Sequence[str]
    requires: Sequence[str]
    next: str


@dataclass(frozen=True)
class ExportResult:
    """``patcher export``: the files that were written; ``version`` of a wheel."""

    files: Sequence[Path]
    version: str | None = optional()
