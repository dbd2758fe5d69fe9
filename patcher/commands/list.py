"""`patcher list`: the catalogue, and the state of each patch on the working copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import concerns, existing_copy, readable_patches
from patcher.commands.shared.plan_series import plan_on
from patcher.patchfile.catalogue import load_catalogue
from patcher.report.catalogue import gain_of
from patcher.results import ListedPatch, ListedSet, ListResult, PatchState, UnreadableSpec
from patcher.rewrite.selection import why_not

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def list_patches(
    workspace: Workspace, target: str | None, *, only_set: str | None = None, fits: bool = False
) -> ListResult:
    """The patches of the catalogue with their state on the working copy.

    Args:
        only_set: a set's name: its patches alone, in its order.
        fits: only those that are applied, or could be now.

    Raises:
        PatcherError: ``unknown-patch`` for a set that does not exist.
    """
    known = load_catalogue(workspace.root)
    copy = existing_copy(workspace, target)
    readable, broken = readable_patches(workspace)
    concerned = concerns(workspace)
    standing = {patch.name: standing_of(patch, copy) for patch in readable}
    patches = [
        ListedPatch(
            name=patch.name,
            summary=patch.summary,
            target=patch.targets,
            equivalence=patch.equivalence.value,
            reproduction=patch.reproduction,
            state=standing[patch.name][0],
            gain=gain_of(patch.measured),
            sets=[each.name for each in known.sets.values() if patch.name in each.patches],
            elsewhere=not concerned(patch, known.paths[patch.name]),
            reason=standing[patch.name][1],
        )
        for patch in readable
    ]
    if only_set is not None:
        named = [patch.name for patch in known.expand([f"@{only_set.removeprefix('@')}"])]
        chosen = {item.name: item for item in patches}
        patches = [chosen[name] for name in named if name in chosen]
    if fits:
        usable = (PatchState.AVAILABLE, PatchState.APPLIED)
        patches = [item for item in patches if item.state in usable]
    sets = [ListedSet(each.name, each.patches, each.summary) for each in known.sets.values()]
    unreadable = [UnreadableSpec(error.where, error.message) for error in broken]
    return ListResult(patches, sets, unreadable)


def state_of(patch: Patch, copy: WorkingCopy | None) -> PatchState:
    """How a patch stands to the working copy, see `standing_of`."""
    return standing_of(patch, copy)[0]


def standing_of(patch: Patch, copy: WorkingCopy | None) -> tuple[PatchState, str | None]:
    """How a patch stands to the working copy, and what stands against it.

    Without a working copy a patch is available: nothing is known that stands against it.
    """
    if copy is None:
        return PatchState.AVAILABLE, None
    if any(applied.name == patch.name for applied in copy.series):
        return PatchState.APPLIED, None
    plan = plan_on(copy, [patch])
    if plan.ok:
        return PatchState.AVAILABLE, None
    first = plan.problems[0].message
    if "incompatible" in {problem.code for problem in plan.problems}:
        return PatchState.INCOMPATIBLE, first
    fits = {each.fit for each in plan.patches}
    return PatchState.BLOCKED, why_not(first, fits.pop() if len(fits) == 1 else None)
