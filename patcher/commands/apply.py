"""`patcher apply`: plan, back up, write and commit; all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patcher.commands.shared.file_changes import file_changes, sha256_of
from patcher.commands.shared.find_copy import Notify, copy_for
from patcher.commands.shared.plan_series import plan_on
from patcher.commands.shared.replay_series import modes_of, record_of, replayed
from patcher.patchfile.catalogue import load_catalogue
from patcher.results import ApplyResult, FileChange
from patcher.rewrite.selection import select
from patcher.store.checkout import refuse_others

if TYPE_CHECKING:
    from patcher.patchfile.model import Guard, Patch
    from patcher.results.scanned import HazardOutcome
    from patcher.rewrite.file import Rewrite
    from patcher.rewrite.selection import LeftOut
    from patcher.store.state import Applied
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


@dataclass(frozen=True)
class ApplyOptions:
    """The options of `patcher apply`.

    Attributes:
        target: which working copy; None for the only one, or the one the patches are for.
        guard: keep the original definitions beside the patched ones, chosen at run time.
    """

    target: str | None = None
    guard: Guard | None = None
    dry_run: bool = False


DEFAULTS = ApplyOptions()


def apply(
    workspace: Workspace,
    names: Sequence[str],
    options: ApplyOptions = DEFAULTS,
    *,
    notify: Notify = lambda _: None,
    on_hazard: Callable[[HazardOutcome], None] | None = None,
    rewrite: Rewrite | None = None,
) -> ApplyResult:
    """Apply patches: all or nothing.

    A patch of the series whose spec has changed since is applied anew in its place. Of a set, what
    fits the target is applied; ``left_out`` names the rest, with the reason.

    Args:
        on_hazard: predict first what the patches will break, and call this with each hazard;
            None predicts nothing.
        rewrite: another way to rewrite a file than in this process.

    Raises:
        PatcherError: every problem of the plan at once; ``drift``; ``cannot-guard``. Nothing was
            written.
    """
    patches = load_catalogue(workspace.root).expand(names)
    with workspace.lock("apply"):
        copy = copy_for(workspace, patches, options.target, notify)
        refuse_others(copy)  # or their patches would be planned against as if pristine had them
        hazards = None if on_hazard is None else _predicted(copy, patches, notify, on_hazard)
        change = _planned(copy, patches, names, options.guard, rewrite)
        result = ApplyResult(
            change.applied, change.already, change.left_out, notes=change.notes, hazards=hazards
        )
        if options.dry_run:
            return replace(result, files=_would_change(copy, change.files), dry_run=True)
        if change.series != copy.series:
            modes = modes_of(copy, change.series)
            done = copy.change(change.files, change.series, "apply", change.applied, modes=modes)
            result = replace(result, files=file_changes(done), commit=done.commit)
    return result


@dataclass(frozen=True)
class _PlannedChange:
    """What an apply will write: the series afterwards, and the files it changes."""

    series: tuple[Applied, ...]
    files: Mapping[str, bytes | None]
    applied: list[str]
    already: list[str]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def _planned(
    copy: WorkingCopy,
    patches: Sequence[Patch],
    named: Sequence[str],
    guard: Guard | None,
    rewrite: Rewrite | None,
) -> _PlannedChange:
    recorded = {applied.name: applied for applied in copy.series}

    def record(patch: Patch) -> Applied:
        return record_of(patch, guard and guard_for(patch, guard, copy))

    records = {patch.name: record(patch) for patch in patches}
    renewed = {name: new for name, new in records.items() if _differ(new, recorded.get(name))}
    kept = tuple(renewed.get(applied.name, applied) for applied in copy.series)
    files: Mapping[str, bytes | None] = {}
    if kept != copy.series:  # a spec was edited since it was applied
        files = replayed(copy, kept)
        patches = [patch for patch in patches if patch.name not in recorded]
    selection = select(
        patches,
        named,
        lambda some: plan_on(copy, some, files, search=True, rewrite=rewrite),
    )
    planned = selection.plan
    if not planned.ok:
        raise planned.error()
    added = [each.patch for each in planned.patches if each.patch.name not in recorded]
    series = (*kept, *(records[patch.name] for patch in added))
    guarded = any(applied.guard for applied in series)
    return _PlannedChange(
        series=series,
        files=replayed(copy, series) if guarded else {**files, **planned.files},
        applied=[name for name in renewed if name in recorded] + [patch.name for patch in added],
        already=[name for name in records if name not in renewed],
        left_out=selection.left_out,
        notes=planned.notes,
    )


def _differ(new: Applied, old: Applied | None) -> bool:
    return old is None or (new.sha256, new.guard) != (old.sha256, old.guard)


def guard_for(patch: Patch, guard: Guard, copy: WorkingCopy) -> Guard:
    """A guard with the entry points that the patch names, or else the target's adapter."""
    from patcher.commands.shared.verify_request import adapter_of

    named = patch.entry_points or tuple(getattr(adapter_of(copy, {}), "entry_points", ()))
    return replace(guard, entry_points=named)


def _would_change(copy: WorkingCopy, files: Mapping[str, bytes | None]) -> tuple[FileChange, ...]:
    changes = ((path, copy.read(path), content) for path, content in files.items())
    return tuple(FileChange(path, sha256_of(old), sha256_of(new)) for path, old, new in changes)


def _predicted(
    copy: WorkingCopy,
    patches: Sequence[Patch],
    notify: Notify,
    on_hazard: Callable[[HazardOutcome], None],
) -> tuple[HazardOutcome, ...]:
    from patcher.commands.scan import predict_on

    hazards = predict_on(copy, patches, notify)
    for hazard in hazards:
        on_hazard(hazard)
    return hazards
