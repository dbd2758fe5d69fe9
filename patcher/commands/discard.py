"""`patcher discard`: take hand edits out of the working copy; their bytes are kept first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.shared.replay_series import replayed
from patcher.errors import PatcherError
from patcher.results import DiscardedEdit, DiscardResult
from patcher.store.fs import digest

if TYPE_CHECKING:
    from patcher.store.drift import Drift
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

PUT_BACK = frozenset({"edited", "deleted", "mode", "added"})


def discard(
    workspace: Workspace, paths: Sequence[str], target: str | None, *, dry_run: bool = False
) -> DiscardResult:
    """Put files back to what patcher left.

    Args:
        paths: files or folders with edits: relative to the import root, or as they are reached
            from the current folder.

    Raises:
        PatcherError: ``usage`` for a path that was not edited; ``unsafe-path`` for links, folders
            and devices in the place of files: nothing was written.
    """
    with workspace.lock("discard"):
        copy = workspace.working_copy(target)
        edits = list(chosen(copy, paths))
        if not edits:
            return DiscardResult([], None, dry_run=True) if dry_run else DiscardResult([], None)
        wrong = next((each for each in edits if each.kind not in PUT_BACK), None)
        if wrong is not None:
            raise PatcherError(
                "unsafe-path",
                f"{wrong.path} is a {wrong.kind} where there should be a file",
                hint="remove it yourself, then repeat: only files are kept as a backup",
                where=wrong.path,
            )
        written = replayed(copy, copy.series)
        files = {}
        for each in edits:
            added = each.kind == "added"
            content = None if added else written.get(each.path, b"")
            files[each.path] = (
                content if added or each.path in written else copy.pristine(each.path)
            )
        result = {each.path: copy.read(each.path) for each in edits}
        discarded = [
            DiscardedEdit(each.path, each.kind, _backup(copy, result[each.path])) for each in edits
        ]
        if dry_run:
            return DiscardResult(discarded, None, dry_run=True)
        return DiscardResult(discarded, copy.discard(files).commit)


def chosen(copy: WorkingCopy, paths: Sequence[str]) -> Iterator[Drift]:
    """The edits under the given paths, an added folder's files one by one."""
    edits = [each for item in copy.drift() for each in _files(copy, item)]
    for text in paths:
        path = relative(copy, text)
        under = [item for item in edits if item.path == path or item.path.startswith(f"{path}/")]
        if path == ".":
            under = edits
        if not under and path != ".":  # nothing at all to discard is the state that was asked for
            raise PatcherError(
                "usage",
                f"{text} was not edited by hand",
                hint="`patcher status` lists the files that were",
            )
        yield from under
        edits = [item for item in edits if item not in under]


def relative(copy: WorkingCopy, text: str) -> str:
    """A path relative to the import root, from that or from a path of this machine."""
    here = Path(os.path.abspath(text))
    if here.is_relative_to(copy.root):
        return here.relative_to(copy.root).as_posix()
    return Path(text).as_posix()


def _files(copy: WorkingCopy, each: Drift) -> Iterator[Drift]:
    if each.kind != "added" or not each.path.endswith("/"):
        yield each
        return
    for file in sorted((copy.root / each.path).rglob("*")):
        if file.is_symlink() or file.is_file():
            yield each._replace(path=file.relative_to(copy.root).as_posix())


def _backup(copy: WorkingCopy, data: bytes | None) -> str | None:
    """Where the bytes are kept, relative to the workspace."""
    if data is None:
        return None
    path = copy.workspace.backups.object_path(digest(data))
    return path.relative_to(copy.workspace.root).as_posix()
