"""`patcher show`: one patch whole, with its diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.commands.list import state_of
from patcher.commands.shared.find_copy import existing_copy
from patcher.commands.shared.plan_series import diff_between, plan_on, rendered
from patcher.commands.shared.replay_series import replayed
from patcher.patchfile.catalogue import load_catalogue

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def show(workspace: Workspace, name: str, target: str | None) -> dict[str, Any]:
    """The object of ``patcher show --json``: one patch whole, with its diff."""
    patch = load_catalogue(workspace.root).get(name)
    copy = existing_copy(workspace, target, patch)
    found: dict[str, Any] = {
        "name": patch.name,
        "summary": patch.summary,
        "target": list(patch.targets),
        "equivalence": patch.equivalence.value,
        "reproduction": patch.reproduction,
        "state": state_of(patch, copy, workspace),
        "requires": list(patch.requires),
        "conflicts": list(patch.conflicts),
        "companions": list(patch.companions),
        "hazards": list(patch.hazards),
        "declares": [each.value for each in patch.declares],
        "measured": list(patch.measured),
        "spec": patch.path,
        "problems": [],
        "diff": "",
    }
    if copy is None:
        found["problems"] = ["no working copy yet: `patcher init`, or `patcher apply`, makes one"]
    elif found["state"] == "applied":
        others = tuple(one for one in copy.series if one.name != name)
        found["diff"] = diff_between(replayed(copy, others), replayed(copy, copy.series))
    else:
        plan = plan_on(copy, [patch], workspace)
        found["problems"] = rendered(plan.problems)
        found["diff"] = plan.diff()
    return found
