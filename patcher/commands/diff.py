"""`patcher diff`: patched against pristine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.plan_series import diff_between
from patcher.results import DiffResult

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def diff(workspace: Workspace, target: str | None) -> DiffResult:
    """Patched against pristine; hand edits in touched files show up too."""
    copy = workspace.working_copy(target)
    paths = {*copy.state.touched, *(one.path for one in copy.drift() if one.kind != "added")}
    before = {path: copy.pristine(path) for path in sorted(paths)}
    after = {path: copy.read(path) for path in sorted(paths)}
    return DiffResult(diff_between(before, after))
