"""`patcher recover`: settling what an earlier run left, and mending damaged records."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import git
from patcher.store import journal as journals
from patcher.store import state as states
from patcher.store.backups import read_manifest
from patcher.store.fs import Folder, digest
from patcher.store.index import INDEX_FILE, Index
from patcher.store.journal import JOURNAL_FILE, Journal
from patcher.store.paths import Root
from patcher.store.plumbing import find_blob
from patcher.store.settling import SettledChange, settle_pending
from patcher.store.state import SERIES_FILE, State
from patcher.store.tree import StoredTree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from patcher.store.exclusive import ExclusiveFolders
    from patcher.store.folders import Folders
    from patcher.store.lock import Holder


@dataclass(frozen=True)
class Recovered:
    """``patcher recover``.

    Attributes:
        settled: interrupted changes that were finished or undone.
        mended: paths of records that were damaged and are whole again.
        died: the run that was cut short, if there was one.
    """

    settled: tuple[SettledChange, ...]
    mended: tuple[str, ...]
    died: Holder | None


def recover(workspace: ExclusiveFolders) -> Recovered:
    """Finish what was interrupted and mend what is damaged, as far as copies allow.

    Raises:
        PatcherError: what `settle_pending` raises, ``backup-damaged`` when a backup has no copy.
    """
    with workspace.lock("recover", settle=False):
        mended = [str(path) for path in _mend_records(workspace)]
        settled = settle_pending(workspace)
        mended += [str(path) for path in _mend_backups(workspace)]
    return Recovered(tuple(settled), tuple(mended), workspace.died)


def _mend_records(workspace: Folders) -> Iterator[Path]:
    """Rebuild a damaged journal, ``series.json`` and index from the backups."""
    with suppress(FileNotFoundError), Folder.open(workspace.private_dir) as private:
        try:
            journals.read(workspace.private_dir)
        except PatcherError:
            # Its change is found again by what it left beside its files.
            private.unlink(JOURNAL_FILE)
            private.fsync()
            yield workspace.private_dir / JOURNAL_FILE
    targets = {manifest.target for manifest in workspace.backups.records()}
    for target in sorted(targets | set(workspace.targets())):
        home = workspace.private_dir / target
        try:
            state = workspace.state(target)
        except (PatcherError, OSError):
            if not home.is_dir() and not _still_patched(workspace, target):
                continue
            state = best_state(workspace, target)
            with Folder.make(home) as folder:
                folder.replace_file(SERIES_FILE, states.dump(state))
            yield home / SERIES_FILE
        if state.index is None:
            continue
        try:
            Index((home / INDEX_FILE).read_bytes(), state.index)
        except (OSError, ValueError):
            with Folder.open(home) as folder:
                folder.replace_file(INDEX_FILE, workspace.backups.get(state.index))
            yield home / INDEX_FILE


def _still_patched(workspace: Folders, target: str) -> bool:
    """Whether a tree is there that the newest state in the backups fits."""
    with suppress(PatcherError, OSError):
        state = best_state(workspace, target)
        return bool(state.series) and is_whole(workspace, state)
    return False


def best_state(workspace: Folders, target: str) -> State:
    """The newest state in the backups that the tree agrees with; else simply the newest.

    Raises:
        PatcherError: ``state-damaged`` when the backups hold none.
    """
    result: list[State] = []
    for manifest in workspace.backups.records(target):
        for sha256 in (manifest.state_before, manifest.state_after):
            with suppress(PatcherError):
                result.append(states.load(workspace.backups.get(sha256), target))
    result.sort(key=lambda state: state.generation, reverse=True)
    for state in result:
        if is_whole(workspace, state):
            return state
    if not result:
        raise PatcherError(
            "state-damaged",
            f"{target}: {SERIES_FILE} is damaged and the backups hold no copy",
            hint=f"move {workspace.private_dir / target} away, then `patcher init`",
        )
    return result[0]


def is_whole(workspace: Folders, state: State) -> bool:
    """Whether the tree has every file that a state's patches changed, as they left it."""
    root = Root(str(workspace.root / state.root), workspace.closed_folders())
    return all(_holds(root, path, each.current) for path, each in state.touched.items())


def _holds(root: Root, path: str, sha256: str | None) -> bool:
    try:
        result = root.read(path)
    except (PatcherError, OSError):
        return False
    return sha256 == (None if result is None else digest(result.data))


def _mend_backups(workspace: Folders) -> Iterator[Path]:
    """Replace damaged backups by the copies that git, or an untouched file, holds."""
    backups = workspace.backups
    for target in workspace.targets():
        copy = StoredTree(workspace, workspace.state(target))
        for path, touched in copy.state.touched.items():
            if touched.pristine is None:
                continue
            try:
                backups.get(touched.pristine)
            except PatcherError:
                data = find_blob(copy.root, git.ref_of(copy), path, touched.pristine)
                if data is None:
                    raise
                backups.put(data)
                yield backups.object_path(touched.pristine)


def read_manifests(workspace: Folders) -> tuple[list[Journal], list[Path]]:
    """(readable manifests, paths of damaged ones), for `doctor` and `gc`."""
    good: list[Journal] = []
    bad: list[Path] = []
    with suppress(FileNotFoundError):
        for path in sorted(workspace.backups.manifests.iterdir()):
            if re.fullmatch(r"\d+-[a-z]+-[0-9a-f]+\.json", path.name):
                manifest = read_manifest(path)
                if manifest is None:
                    bad.append(path)
                else:
                    good.append(manifest)
    return good, bad
