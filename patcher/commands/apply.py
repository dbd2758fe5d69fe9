"""`patcher apply`: plan, back up, write and commit; all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from patcher.commands.shared import import_helper as ahead
from patcher.commands.shared.find_copy import Notify, copy_for
from patcher.commands.shared.plan_series import plan_on
from patcher.commands.shared.replay_series import record_of, replayed
from patcher.patchfile.catalogue import load_catalogue
from patcher.rewrite.selection import select

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def apply(
    workspace: Workspace,
    names: Sequence[str],
    *,
    target: str | None,
    dry_run: bool = False,
    tell: Notify = lambda _: None,
) -> dict[str, Any]:
    """Apply patches: all or nothing. The object of ``patcher apply --json``.

    A patch of the series whose spec has changed since is applied anew in its place. Of a set, what
    fits the target is applied; ``left_out`` names the rest, with the reason.

    Raises:
        PatcherError: every problem of the plan at once; ``drift``. Nothing was written.
    """
    patches = load_catalogue(workspace.root).expand(names)
    with workspace.lock("apply"):
        copy = copy_for(workspace, patches, target, tell)
        held = {one.name: one.sha256 for one in copy.series}
        renewed = {p.name: r for p in patches if (r := record_of(p)).sha256 != held.get(p.name)}
        already = [patch.name for patch in patches if patch.name not in renewed]
        kept = tuple(renewed.get(one.name, one) for one in copy.series)
        if kept != copy.series:  # a spec was edited since it was applied
            files: Mapping[str, bytes | None] = replayed(copy, kept)
            wanted = [patch for patch in patches if patch.name not in held]
        else:
            files, wanted = {}, patches
        selection = select(wanted, names, lambda some: plan_on(copy, some, workspace, files))
        planned = selection.plan
        ahead.end()  # nothing is left to rewrite, and a verification may follow
        if not planned.ok:
            raise planned.error()
        added = [each.patch for each in planned.patches if each.patch.name not in held]
        series = (*kept, *map(record_of, added))
        files = {**files, **planned.files}
        result: dict[str, Any] = {
            "applied": [name for name in renewed if name in held] + [p.name for p in added],
            "already": already,
            "left_out": [{"name": one.name, "reason": one.reason} for one in selection.left_out],
            "files": [],
            "commit": None,
        }
        if dry_run:
            result |= {"dry_run": True, "files": [{"path": path} for path in files]}
        elif series != copy.series:
            done = copy.change(files, series, "apply", result["applied"])
            result["files"] = [
                {"path": path, "before": old, "after": new} for path, old, new in done.files
            ]
            result["commit"] = done.commit
    return result
