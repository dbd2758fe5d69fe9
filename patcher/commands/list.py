"""`patcher list`: the catalogue, and the state of each patch on the working copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.commands.shared.find_copy import existing_copy, readable_patches
from patcher.commands.shared.plan_series import plan_on
from patcher.patchfile.catalogue import load_catalogue

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def catalogue(workspace: Workspace, target: str | None) -> dict[str, Any]:
    """The object of ``patcher list --json``: every patch with its state on the working copy."""
    known = load_catalogue(workspace.root)
    copy = existing_copy(workspace, target)
    readable, broken = readable_patches(workspace)
    patches = [
        {
            "name": patch.name,
            "summary": patch.summary,
            "target": list(patch.targets),
            "equivalence": patch.equivalence.value,
            "reproduction": patch.reproduction,
            "state": state_of(patch, copy, workspace),
        }
        for patch in readable
    ]
    sets = [
        {"name": one.name, "patches": list(one.patches), "summary": one.summary}
        for one in known.sets.values()
    ]
    unreadable = [{"where": one.where, "message": one.message} for one in broken]
    return {"patches": patches, "sets": sets, "unreadable": unreadable}


def state_of(patch: Patch, copy: WorkingCopy | None, workspace: Workspace) -> str:
    """``available``, ``applied``, ``blocked`` or ``incompatible``.

    Without a working copy a patch is available: nothing is known that stands against it.
    """
    if copy is None:
        return "available"
    if any(applied.name == patch.name for applied in copy.series):
        return "applied"
    plan = plan_on(copy, [patch], workspace)
    if plan.ok:
        return "available"
    codes = {problem.code for problem in plan.problems}
    return "incompatible" if "incompatible" in codes else "blocked"
