"""`patcher diff`: patched against pristine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import copies
from patcher.results import CopyDiff, DiffResult
from patcher.rewrite.diff import unified_diff

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def diff(workspace: Workspace, target: str | None) -> DiffResult:
    """Patched against pristine, of every working copy; hand edits in touched files show up too."""
    result = [CopyDiff(copy.target, _of(copy)) for copy in copies(workspace, target)]
    return DiffResult("".join(each.diff for each in result), result)


def _of(copy: WorkingCopy) -> str:
    paths = {*copy.state.touched, *(each.path for each in copy.drift() if each.kind != "added")}
    before = {path: copy.pristine(path) for path in sorted(paths)}
    after = {path: copy.read(path) for path in sorted(paths)}
    return unified_diff(before, after, modes=_modes(copy, paths))


def _modes(copy: WorkingCopy, paths: Iterable[str]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Permission bits before any patch and now."""
    here = {path: copy.place.root.lstat(path) for path in paths}
    now = {path: result.st_mode & 0o777 for path, result in here.items() if result is not None}
    before = {path: copy.pristine_mode(path) for path in paths}
    return {path: mode for path, mode in before.items() if mode is not None}, now
