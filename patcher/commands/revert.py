"""Taking patches out: all at once needs the backups alone, a part is a replay of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from patcher.commands.shared.file_changes import file_changes
from patcher.commands.shared.find_copy import copies
from patcher.errors import PatcherError, nearest
from patcher.results import RevertedCopy, RevertResult

if TYPE_CHECKING:
    from patcher.store.state import Applied
    from patcher.store.working_copy import Change, WorkingCopy
    from patcher.store.workspace import Workspace


def revert_all(workspace: Workspace, target: str | None, *, dry_run: bool) -> RevertResult:
    """Pristine again, byte for byte: every working copy, or the one asked for.

    Imports neither libcst nor git.

    Raises:
        PatcherError: ``drift`` when any file is not what patcher left: nothing is overwritten.
    """
    from patcher.store.lost import lost_copies
    from patcher.store.tree import drift_error

    with workspace.lock("revert"):
        if target is None and not workspace.targets():
            for lost in lost_copies(workspace):
                raise lost.error()
            return _result([], None)
        result = copies(workspace, target)
        for copy in result:  # before anything is written
            if drift := copy.drift():
                raise drift_error(drift)
        done = [_revert_copy(copy, dry_run=dry_run) for copy in result]
    return RevertResult(
        reverted=[name for each in done for name in each.reverted],
        files=[file for each in done for file in each.files],
        commit=next((each.commit for each in done if each.commit), None),
        working_copies=done,
    )


def _revert_copy(copy: WorkingCopy, *, dry_run: bool) -> RevertedCopy:
    names = [applied.name for applied in copy.series]
    files = {path: copy.pristine(path) for path in copy.state.touched}
    done = _write(copy, files, (), names, dry_run=dry_run, modes={})
    return RevertedCopy(copy.target, done.reverted, done.files, done.commit)


def revert(
    workspace: Workspace, names: Sequence[str], target: str | None, *, dry_run: bool
) -> RevertResult:
    """Take some patches out: pristine, with the others of the series applied again.

    Raises:
        PatcherError: ``unknown-patch`` for a name the series does not hold; ``blocked`` when a
            patch that stays needs one that goes; ``drift``.
    """
    from patcher.commands.shared.replay_series import modes_of, patches_of, replayed

    with workspace.lock("revert"):
        copy = workspace.working_copy(target)
        applied = [each.name for each in copy.series]
        for name in names:
            if name not in applied:
                hint = nearest(name, applied, otherwise="`patcher status` shows the series")
                raise PatcherError("unknown-patch", f"{name} is not applied", hint=hint)
        rest = tuple(each for each in copy.series if each.name not in names)
        for patch in patches_of(rest):
            needed = [name for name in patch.requires if name in names]
            if needed:
                raise PatcherError(
                    "blocked",
                    f"{patch.name} requires {', '.join(needed)}",
                    hint=f"revert {patch.name} too, or first",
                )
        files, modes = replayed(copy, rest), modes_of(copy, rest)
        return _write(copy, files, rest, names, dry_run=dry_run, modes=modes)


def _write(
    copy: WorkingCopy,
    files: Mapping[str, bytes | None],
    series: Sequence[Applied],
    names: Sequence[str],
    *,
    dry_run: bool,
    modes: Mapping[str, int],
) -> RevertResult:
    if dry_run or not names:
        return _result(list(names), None)
    return _result(list(names), copy.change(files, series, "revert", names, modes=modes))


def _result(names: list[str], change: Change | None) -> RevertResult:
    return RevertResult(names, file_changes(change), change.commit if change else None)
