"""`patcher show`: one patch whole, with its diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.list import state_of
from patcher.commands.shared.find_copy import existing_copy
from patcher.commands.shared.plan_series import diff_between, plan_on, rendered
from patcher.commands.shared.replay_series import replayed
from patcher.patchfile.catalogue import load_catalogue
from patcher.results import PatchState, ShowResult

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def show(workspace: Workspace, name: str, target: str | None) -> ShowResult:
    """One patch whole, with its diff on the working copy."""
    patch = load_catalogue(workspace.root).get(name)
    copy = existing_copy(workspace, target, patch)
    state = state_of(patch, copy)
    problems, diff = _on_copy(patch, copy, state)
    return ShowResult(
        name=patch.name,
        summary=patch.summary,
        target=patch.targets,
        equivalence=patch.equivalence.value,
        reproduction=patch.reproduction,
        state=state,
        requires=patch.requires,
        conflicts=patch.conflicts,
        companions=patch.companions,
        hazards=patch.hazards,
        declares=[each.value for each in patch.declares],
        measured=patch.measured,
        spec=patch.path,
        problems=problems,
        diff=diff,
    )


def _on_copy(patch: Patch, copy: WorkingCopy | None, state: PatchState) -> tuple[list[str], str]:
    """What stands against a patch on a working copy, and the diff it is there."""
    if copy is None:
        return ["no working copy yet: `patcher init`, or `patcher apply`, makes one"], ""
    if state is PatchState.APPLIED:
        others = tuple(applied for applied in copy.series if applied.name != patch.name)
        return [], diff_between(replayed(copy, others), replayed(copy, copy.series))
    plan = plan_on(copy, [patch])
    return rendered(plan.problems), plan.diff()
