"""How a change that was cut short is finished or undone.

Which of the two depends on one thing: does ``series.json`` already name its transaction?
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import records
from patcher.store.fs import Folder, digest
from patcher.store.journal import JOURNAL_FILE, ChangeStage
from patcher.store.state import SERIES_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.store.backups import Backups
    from patcher.store.journal import FileStep, Journal
    from patcher.store.paths import Root

# Under a name that holds something else than a file, or that cannot be reached.
OTHER = "other"


@dataclass(frozen=True)
class CopyFolders:
    """Where a working copy's parts are."""

    root: Root
    private: Path  # the workspace's .patcher: holds the journal
    home: Path  # .patcher/TARGET: holds series.json
    backups: Backups


class Settlement(str, Enum):
    """How an interrupted change was settled."""

    FINISHED = "finished"
    UNDONE = "undone"
    BLOCKED = "blocked"  # a foreign edit is in the way; the journal stays


def seen(folder: Folder, name: str) -> str | None:
    """The sha256 of what is under a name; None for nothing, `OTHER` for anything but a file."""
    try:
        result = folder.read(name)
    except OSError:
        if folder.lstat(name) is None:
            return None
        return OTHER
    return None if result is None else digest(result.data)


def is_committed(place: CopyFolders, journal: Journal) -> bool:
    """Whether ``series.json`` names this transaction."""
    with Folder.open(place.home) as home:
        result = home.read(SERIES_FILE)
    record = None if result is None else records.decode(result.data)
    return record is not None and record.get("transaction") == journal.transaction


def settle(place: CopyFolders, journal: Journal) -> tuple[Settlement, tuple[str, ...]]:
    """Finish a committed change, undo any other.

    May itself be cut short anywhere and repeated. Needs no room on the disk, unless the temporary
    files were taken away. Returns the outcome, and for `BLOCKED` the paths of foreign edits.
    """
    blocked: tuple[str, ...] = ()
    if is_committed(place, journal):
        with Folder.open(place.home) as home:
            home.fsync()
        _clear(place, journal)
        _remove_empty(place, journal)
        outcome = Settlement.FINISHED
    else:
        blocked = tuple(
            step.path
            for number, step in enumerate(journal.steps)
            if not _undo(place, journal, number, step)
        )
        outcome = Settlement.BLOCKED if blocked else Settlement.UNDONE
        if not blocked:
            _clear(place, journal)
            _remove_folders(place, journal)
    if not blocked:
        with Folder.open(place.home) as home:
            home.unlink(journal.next_state)
        with Folder.open(place.private) as private:
            private.unlink(JOURNAL_FILE)
            private.fsync()
    return outcome, blocked


def _undo(place: CopyFolders, journal: Journal, number: int, step: FileStep) -> bool:
    """Put one file back; False when a foreign edit is in the way."""
    with ExitStack() as stack:
        try:
            folder, name = stack.enter_context(place.root.parent(step.path))
        except (FileNotFoundError, PatcherError):
            # The folder is gone or replaced: nothing patcher wrote is left in its place.
            return True
        return _undo_in(folder, name, place, journal, number, step)


def _undo_in(
    folder: Folder, name: str, place: CopyFolders, journal: Journal, number: int, step: FileStep
) -> bool:
    if journal.stage is ChangeStage.PREPARE:
        return True
    side, removed = journal.side(number), journal.removed(number)
    if step.before == step.after:
        return _undo_mode(folder, name, (side, removed), place, step)
    now = seen(folder, name)
    # What a swap or a removal took from under the name: the old bytes, or an edit of that instant.
    taken = (None, step.after) if step.after is not None else (None,)
    old = next((each for each in (removed, side) if seen(folder, each) not in taken), None)
    if now is None and old is not None:
        folder.link(old, name)
        return seen(folder, name) == step.before
    if now == step.before:
        return True
    if now != step.after:
        # A foreign edit. It is in the way only if our change lies below it.
        return old is None
    if step.before is None:
        return _take_away(folder, name, removed, step)
    if old is None:
        folder.unlink(side)
        folder.create(side, place.backups.get(step.before), step.before_mode)
        old = side
    if now is None:
        folder.link(old, name)
    elif not folder.exchange(old, name):
        folder.rename(old, name)
    elif seen(folder, old) != step.after:
        folder.exchange(old, name)
        return False
    return seen(folder, name) == step.before


def _undo_mode(
    folder: Folder, name: str, beside: tuple[str, str], place: CopyFolders, step: FileStep
) -> bool:
    """Put back the permission bits of a file whose bytes did not change."""
    assert step.before is not None
    was, made = (step.before, step.before_mode), (step.before, step.after_mode)
    old = next((each for each in beside if _held(folder, each) == was), None)
    now = _held(folder, name)
    if now == was:
        return True
    if now is None:
        if old is not None:
            folder.link(old, name)
        return True
    if now != made:  # a foreign edit, in the way only if our change lies below it
        return old is None
    if old is None:
        old = beside[0]
        folder.unlink(old)
        folder.create(old, place.backups.get(step.before), step.before_mode)
    if not folder.exchange(old, name):
        folder.rename(old, name)
    elif _held(folder, old) != made:
        folder.exchange(old, name)
        return False
    return _held(folder, name) == was


def _held(folder: Folder, name: str) -> tuple[str, int] | None:
    """The hash and the permission bits of what is under a name; None for nothing."""
    result, sha256 = folder.lstat(name), seen(folder, name)
    return None if result is None or sha256 is None else (sha256, result.st_mode & 0o7777)


def _take_away(folder: Folder, name: str, removed: str, step: FileStep) -> bool:
    """Remove a file that the change made, unless it was edited in this instant."""
    folder.rename(name, removed)
    if seen(folder, removed) == step.after:
        return True
    folder.link(removed, name)
    folder.unlink(removed)
    return False


def _clear(place: CopyFolders, journal: Journal) -> None:
    """Remove the temporary files, then make all names durable."""
    for number, step in enumerate(journal.steps):
        with suppress(FileNotFoundError, PatcherError), place.root.parent(step.path) as (folder, _):
            for name in (journal.side(number), journal.removed(number)):
                # Complete ones that hold neither old nor new bytes are somebody's: they stay.
                own = journal.stage is ChangeStage.PREPARE or seen(folder, name) in (
                    step.before,
                    step.after,
                )
                if own and folder.lstat(name) is not None:
                    folder.unlink(name)
            folder.fsync()


def _remove_folders(place: CopyFolders, journal: Journal) -> None:
    for path in reversed(journal.folders):
        with suppress(OSError, PatcherError), place.root.parent(path) as (folder, name):
            folder.rmdir(name)
            folder.fsync()


def _remove_empty(place: CopyFolders, journal: Journal) -> None:
    """Remove the folders that held nothing but files that the change removed."""
    for step in journal.steps:
        path = step.path if step.after is None else ""
        while "/" in path:
            path = path.rpartition("/")[0]
            try:
                with place.root.parent(path) as (folder, name):
                    with suppress(FileNotFoundError), folder.child(name) as inner:
                        if list(inner.names()) == ["__pycache__"]:
                            inner.rmdir("__pycache__")
                    folder.rmdir(name)
                    folder.fsync()
            except (OSError, PatcherError):
                break
