"""Settling what an earlier run left: at the start of every command that writes.

A change whose journal is still there is finished or undone, and the git record it lacks is made.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import git
from patcher.store import journal as journals
from patcher.store.fs import Folder, remove_tree
from patcher.store.paths import Root
from patcher.store.transaction import blocked_error
from patcher.store.tree import StoredTree
from patcher.store.undo import CopyFolders, Settlement, seen, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.store.folders import Folders
    from patcher.store.journal import Journal
    from patcher.store.state import State

UNFINISHED = ".init-"


@dataclass(frozen=True)
class SettledChange:
    """An interrupted change that was finished or undone.

    Attributes:
        names: the patches it was about.
        files: the files it was to change.
    """

    outcome: Settlement
    action: str
    names: tuple[str, ...]
    target: str
    files: tuple[str, ...]
    transaction: str


def place_of(folders: Folders, journal: Journal) -> CopyFolders:
    """Where a journal's change takes place; works without a readable ``series.json`` too."""
    root = journal.root
    with suppress(PatcherError, OSError):
        root = folders.state(journal.target).root
    return CopyFolders(
        Root(str(folders.root / root), folders.closed_folders()),
        folders.private_dir,
        folders.private_dir / journal.target,
        folders.backups,
    )


def settle_pending(folders: Folders) -> list[SettledChange]:
    """Finish or undo an interrupted change, and make the git record it lacks.

    The lock of the folders is held. Returns what was done.

    Raises:
        PatcherError: ``foreign-edit``, ``state-damaged``, ``unfinished``.
    """
    discard_unfinished(folders)
    pending = journals.read(folders.private_dir)
    done = [_settle(folders, pending)] if pending is not None else []
    for target in folders.targets():
        state = folders.state(target)
        done += [_settle(folders, lost) for lost in _lost(folders, state)]
        git.record(StoredTree(folders, folders.state(target)))
    return done


def _settle(folders: Folders, pending: Journal) -> SettledChange:
    place = place_of(folders, pending)
    try:
        outcome, blocked = settle(place, pending)
    except OSError as error:
        raise PatcherError(
            "unfinished",
            f"an interrupted {pending.action} cannot be settled: {error}",
            hint="fix the cause, then run `patcher recover`",
        ) from error
    if outcome is Settlement.BLOCKED:
        raise blocked_error(place, pending, blocked)
    return SettledChange(
        outcome=outcome,
        action=pending.action,
        names=pending.names,
        target=pending.target,
        files=tuple(step.path for step in pending.steps),
        transaction=pending.transaction,
    )


def _lost(folders: Folders, state: State) -> Iterator[Journal]:
    """Interrupted changes whose journal was taken away, from their backups' manifests.

    Known by the temporary files beside their targets.
    """
    for journal in folders.backups.records(state.target, state.generation):
        if journal.generation > state.generation or journal.transaction == state.transaction:
            place = place_of(folders, journal)
            swapped, left = _traces(place, journal)
            if swapped or left:
                yield journal.begun() if swapped else journal


def _traces(place: CopyFolders, journal: Journal) -> tuple[bool, bool]:
    """(a file of the tree was swapped, temporary files are left)."""
    swapped = left = False
    for number, step in enumerate(journal.steps):
        with suppress(OSError, PatcherError), place.root.parent(step.path) as (folder, name):
            beside = [seen(folder, journal.side(number)), seen(folder, journal.removed(number))]
            if any(beside):
                left = True
                swapped |= step.before in beside or seen(folder, name) == step.after
    return swapped, left


def discard_unfinished(folders: Folders) -> None:
    """Remove what an interrupted `init` left; nothing refers to it."""
    with suppress(FileNotFoundError), Folder.open(folders.private_dir) as private:
        for name in list(private.names()):
            if re.fullmatch(re.escape(UNFINISHED) + r"[0-9a-f]+", name):
                remove_tree(private, name)
