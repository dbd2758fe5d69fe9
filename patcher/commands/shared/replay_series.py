"""``tree = replay(pristine, series)``, between the store's records and the rewriter's values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.patchfile.reader import read_spec
from patcher.rewrite.replay import replay, replay_modes
from patcher.store.state import Applied

if TYPE_CHECKING:
    from patcher.patchfile.model import Guard, Patch
    from patcher.rewrite.file import Rewrite
    from patcher.store.folders import Folders
    from patcher.store.working_copy import WorkingCopy


def patch_of(applied: Applied) -> Patch:
    """The patch as it was when it was applied: from the series, not from the file of today."""
    return read_spec(applied.spec_text, f"{applied.name}.yaml", applied.attachments)


def patches_of(series: Iterable[Applied]) -> list[Patch]:
    """The patches of a series, in order."""
    return [patch_of(applied) for applied in series]


def record_of(patch: Patch, guard: Guard | None = None) -> Applied:
    """What the series keeps of a patch."""
    from hashlib import sha256

    digest = sha256(patch.text.encode()).hexdigest()
    return Applied(patch.name, patch.text, digest, dict(patch.attachments), guard)


def replayed(copy: WorkingCopy, series: Sequence[Applied]) -> dict[str, bytes | None]:
    """What every file that a patch has touched or will touch must hold under ``series``."""
    files: dict[str, bytes | None] = {path: copy.pristine(path) for path in copy.state.touched}
    rewrite = rewriting(copy.workspace)
    if not any(each.guard for each in series):
        files.update(replay(copy.pristine, patches_of(series), rewrite))
        return files
    from patcher.rewrite.guarding.guard import Member, replay_guarded

    members = [Member(patch_of(each), each.guard) for each in series]
    files.update(replay_guarded(copy.pristine, members, rewrite))
    return files


def left_by_series(copy: WorkingCopy, paths: Iterable[str]) -> dict[str, bytes | None]:
    """What patcher left under some paths, whatever was edited since; None where no file is.

    What the series wrote is replayed; the rest is pristine, from the backups or from git.

    Raises:
        PatcherError: ``drift`` when the pristine bytes of an edited file are held nowhere.
    """
    written = replayed(copy, copy.series) if copy.state.touched else {}
    return {path: written[path] if path in written else copy.left(path) for path in paths}


def modes_of(copy: WorkingCopy, series: Sequence[Applied]) -> dict[str, int]:
    """Permission bits that a series asks for, by path; other files have those of pristine."""
    return replay_modes(
        copy.pristine, copy.pristine_mode, patches_of(series), rewriting(copy.workspace)
    )


def unguarded(copy: WorkingCopy) -> dict[str, bytes | None]:
    """What the files of a series with guarded patches would hold if none were guarded.

    Patches are planned on this: in the tree every guarded definition stands twice.
    """
    if not any(each.guard for each in copy.series):
        return {}
    return replayed(copy, [replace(each, guard=None) for each in copy.series])


def rewriting(workspace: Folders, rewrite: Rewrite | None = None) -> Rewrite:
    """`rewrite_file`, or another way to do the same, by results kept in this workspace."""
    from patcher.rewrite.cached import Cached, FolderCache
    from patcher.rewrite.file import rewrite_file

    kept = FolderCache(workspace.private_dir / "cache" / "rewrite")
    return Cached(kept, rewrite or rewrite_file)
