"""`patcher plan`: what patches would change, edit by edit; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.plan_series import plan_on, rendered
from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import EditStatus
from patcher.rewrite.plan import Plan, Read, plan_patches
from patcher.rewrite.replay import replay
from patcher.store.interpreter import configured

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.workspace import Workspace


def plan(
    workspace: Workspace, names: Sequence[str], *, target: str | None, source: str | None
) -> dict[str, Any]:
    """The object of ``patcher plan --json``; writes nothing but a working copy's first commit.

    Args:
        source: plan on this source instead of the working copy, which stays untouched.
    """
    patches = load_catalogue(workspace.root).expand(names)
    if source is not None:
        return _plan_elsewhere(patches, source, configured(workspace.root))
    copy = copy_for(workspace, patches, target)
    return plan_json(plan_on(copy, patches, workspace), copy.read)


def _plan_elsewhere(patches: Sequence[Patch], source: str, python: str) -> dict[str, Any]:
    """A plan on another source, and of each edit whether its site fits, has moved or is gone."""
    from patcher.rewrite.follow import follow
    from patcher.store.source import find_source

    other = find_source(source, python)

    def read(path: str) -> bytes | None:
        found = other.files.get(path)
        return found[0] if found else None

    planned = plan_patches(
        patches, read, other.version, other.distribution, packages=other.packages
    )
    result = plan_json(planned, read)
    entries = {
        (patch["name"], edit["spec_line"]): edit
        for patch in result["patches"]
        for edit in patch["edits"]
    }
    for one in follow([each.patch for each in planned.patches], read, other.files):
        entry = entries[one.patch, one.edit.mark.line]
        entry["fit"] = one.fit.value
        moved = one.fit.value == "moved" and one.site is not None
        entry["moved_to"] = f"{one.file}:{one.site.line}" if moved and one.site else None
    return {"on": f"{other.distribution} {other.version}", **result}


def plan_json(plan: Plan, read: Read) -> dict[str, Any]:
    """A plan in the keys of the JSON contract; lines are those of the target as it is now."""
    lines = _lines_now(plan, read)
    patches = [
        {
            "name": planned.patch.name,
            "fit": planned.fit.value,
            "edits": [
                {
                    "file": outcome.edit.file,
                    "within": outcome.edit.within,
                    "status": outcome.status.value,
                    "expected": str(outcome.edit.expect),
                    "spec_line": outcome.edit.mark.line,
                    "sites": [
                        {
                            "line": lines(number, outcome.edit.file, site.line),
                            "column": site.column,
                            "text": site.text,
                        }
                        for site in outcome.sites
                    ],
                    "message": outcome.message,
                }
                for outcome in planned.edits
            ],
        }
        for number, planned in enumerate(plan.patches)
    ]
    return {
        "patches": patches,
        "diff": plan.diff(),
        "problems": rendered(plan.problems),
        "not_commuting": [list(pair) for pair in plan.not_commuting],
    }


def _lines_now(plan: Plan, read: Read) -> Callable[[int, str, int], int]:
    """Lines as planned, on what earlier patches leave, to lines of the target as it is now."""

    from patcher.hazards.lines import LineMap

    @cache
    def mapped(number: int, file: str) -> LineMap | None:
        earlier = [one.patch for one in plan.patches[:number] if one.status is EditStatus.READY]
        left = replay(read, earlier) if earlier else {}
        now = read(file)
        return LineMap(now, left[file]) if file in left and now is not None else None

    def line_now(number: int, file: str, line: int) -> int:
        lines = mapped(number, file)
        return lines.before(line) if lines else line

    return line_now


def require_fit(result: dict[str, Any]) -> None:
    """Raise ``check-failed`` when a plan has problems (``patcher plan --check``)."""
    if result["problems"]:
        raise PatcherError(
            "check-failed",
            f"{len(result['problems'])} edits do not fit",
            notes=result["problems"],
            payload=result,
        )
