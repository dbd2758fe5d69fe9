"""One change of a working copy: all of it, or nothing.

back up -> PREPARE -> write beside -> BEGIN -> swap -> COMMIT -> clear

Every file of the tree is swapped with its new bytes in one step that overwrites nothing, and what
came out of the swap is hashed: an edit made by somebody else in the last instant goes back where
it was. COMMIT is the rename of ``series.json``. Any error before it undoes the change; a process
that dies leaves the journal, and the next command settles it (`undo.settle`).
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import journal as journals
from patcher.store import undo
from patcher.store.fs import Folder
from patcher.store.paths import printable
from patcher.store.state import SERIES_FILE
from patcher.store.undo import CopyFolders, Settlement, seen

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from patcher.store.journal import FileStep, Journal
    from patcher.store.signals import Deferred

BALLAST_FILE = "ballast"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Transaction:
    """A change, planned in full.

    Attributes:
        journal: what is going to be done, step by step.
        contents: new bytes by path, None to remove; one for each of the journal's steps.
        kept: what goes into the backups first: the present bytes, and both states.
        next_state: the new ``series.json``.
        ballast: bytes of room to set aside first, so that a later change back does not fail on a
            full disk.
    """

    journal: Journal
    contents: Mapping[str, bytes | None]
    kept: Collection[bytes]
    next_state: bytes
    ballast: int = 0


def execute(place: CopyFolders, planned: Transaction, signals: Deferred) -> None:
    """Carry a planned change out.

    Raises:
        PatcherError: ``drift`` when a file changed since it was planned, ``interrupted`` on a
            signal, ``io`` when the disk refused: everything was put back. ``foreign-edit`` and
            ``unfinished`` when it could not be.
    """
    try:
        try:
            _set_ballast(place, planned.ballast)
            _back_up(place, planned)
            signals.checkpoint()
            _carry_out(place, planned, signals)
        except OSError as error:
            if error.errno not in _FULL or not _drop_ballast(place):
                raise
            # The room set aside for this moment is free now: once more, from the start.
            _settle(place, planned.journal)
            _back_up(place, planned)
            _carry_out(place, planned, signals)
    except BaseException as error:
        if _settle(place, planned.journal) is not Settlement.FINISHED:
            if isinstance(error, OSError):
                raise put_back(refused(error)) from error
            if isinstance(error, PatcherError) and error.code == "interrupted":
                put_back(error)
            raise


def _carry_out(place: CopyFolders, planned: Transaction, signals: Deferred) -> None:
    journals.write(place.private, planned.journal)
    _write_beside(place, planned)
    signals.checkpoint()
    begun = planned.journal.begun()
    journals.write(place.private, begun)
    for number, step in enumerate(begun.steps):
        _swap(place, begun, number, step)
        signals.checkpoint()
    for step in begun.steps:
        with place.root.parent(step.path) as (folder, _):
            folder.fsync()
        _drop_bytecode(place, step.path)
    signals.checkpoint()
    with Folder.open(place.home) as home:
        home.rename(begun.next_state, SERIES_FILE)
    undo.settle(place, begun)


def _settle(place: CopyFolders, journal: Journal) -> Settlement:
    """Finish or undo after an error; raises when neither is possible now."""
    try:
        pending = journals.read(place.private)
        if pending is None:
            committed = undo.is_committed(place, journal)
            return Settlement.FINISHED if committed else Settlement.UNDONE
        outcome, blocked = undo.settle(place, pending)
    except OSError as error:
        raise PatcherError(
            "unfinished",
            f"the disk refused while the change was settled: {error}",
            hint="fix the cause, then run `patcher recover`; the journal and backups are kept",
            where=error.filename if isinstance(error.filename, str) else None,
        ) from error
    if blocked:
        raise blocked_error(place, pending, blocked)
    return outcome


def blocked_error(place: CopyFolders, journal: Journal, paths: tuple[str, ...]) -> PatcherError:
    """PatcherError ``foreign-edit`` that names both copies of each file and what resolves it."""
    notes, commands = [], []
    for step in journal.steps:
        if step.path not in paths:
            continue
        edited = f"{place.root.path}/{step.path}"
        notes.append(f"edited by someone else: {edited}")
        if step.before is None:
            notes.append("  before the change there was no such file")
            commands.append(f"rm {_quoted(edited)}")
        else:
            kept = str(place.backups.object_path(step.before))
            notes.append(f"  its bytes before the change: {kept}")
            commands.append(f"cp {_quoted(kept)} {_quoted(edited)}")
    return PatcherError(
        "foreign-edit",
        f"an interrupted {journal.action} cannot be undone: "
        + ", ".join(printable(path) for path in paths)
        + " was edited since",
        hint=f"save your edit elsewhere, then: {' && '.join(commands)} && patcher recover",
        where=f"{place.root.path}/{paths[0]}",
        notes=notes,
    )


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _back_up(place: CopyFolders, planned: Transaction) -> None:
    for data in planned.kept:
        place.backups.put(data)
    place.backups.record(planned.journal)


def _write_beside(place: CopyFolders, planned: Transaction) -> None:
    journal = planned.journal
    for path in journal.folders:
        with place.root.parent(path) as (folder, name):
            folder.mkdir(name)
            folder.fsync()
    for number, step in enumerate(journal.steps):
        data = planned.contents[step.path]
        if data is not None:
            with place.root.parent(step.path) as (folder, _):
                folder.create(journal.side(number), data, step.after_mode)
                folder.fsync()
    with Folder.open(place.home) as home:
        home.create(journal.next_state, planned.next_state, 0o644)
        home.fsync()


def _swap(place: CopyFolders, journal: Journal, number: int, step: FileStep) -> None:
    """Give one file its new bytes. What is overwritten or removed is kept beside it."""
    side, removed = journal.side(number), journal.removed(number)
    with place.root.parent(step.path) as (folder, name):
        result = folder.lstat(name)
        if seen(folder, name) != step.before or (
            result is not None and result.st_mode & 0o7777 != step.before_mode
        ):
            raise _drifted(step.path)
        if step.before is None:
            _appear(folder, side, name, step.path)
        elif step.after is not None and folder.exchange(side, name):
            if seen(folder, side) != step.before:
                folder.exchange(side, name)
                raise _drifted(step.path)
        else:
            folder.rename(name, removed)
            if seen(folder, removed) != step.before:
                folder.link(removed, name)
                folder.unlink(removed)
                raise _drifted(step.path)
            if step.after is not None:
                _appear(folder, side, name, step.path)


def _appear(folder: Folder, side: str, name: str, path: str) -> None:
    try:
        folder.link(side, name)
    except FileExistsError:
        raise _drifted(path) from None


def _drifted(path: str) -> PatcherError:
    return PatcherError(
        "drift",
        f"{printable(path)} changed while patcher was about to write it",
        hint="nothing was written; finish that edit, then repeat the command",
        where=path,
    )


def put_back(error: PatcherError) -> PatcherError:
    """Say with an error that what the change had written is undone."""
    error.hint = "everything was put back; repeat the command when you are ready"
    return error


def refused(error: OSError) -> PatcherError:
    """PatcherError ``io`` for what the disk said before anything was changed."""
    place = error.filename if isinstance(error.filename, str) else None
    said = error.strerror or str(error)
    return PatcherError("io", f"{said}: {place}" if place else said, where=place)


def _drop_bytecode(place: CopyFolders, path: str) -> None:
    """Remove the compiled forms of a changed module: Python may take them for current."""
    if not path.endswith(".py"):
        return
    folder_path, _, name = path.rpartition("/")
    cache = f"{folder_path}/__pycache__/x" if folder_path else "__pycache__/x"
    stem = f"{name[:-3]}."
    with suppress(OSError, PatcherError), place.root.parent(cache) as (folder, _):
        for each in list(folder.names()):
            if each.startswith(stem) and each.endswith(".pyc"):
                folder.unlink(each)


def _set_ballast(place: CopyFolders, size: int) -> None:
    if not size:
        return
    with Folder.open(place.home) as home:
        result = home.lstat(BALLAST_FILE)
        if result is not None and result.st_size >= size:
            return
        home.unlink(BALLAST_FILE)
        try:
            home.allocate(BALLAST_FILE, size)
        except OSError:
            # A part of it is of no use, and in the way.
            with suppress(OSError):
                home.unlink(BALLAST_FILE)
            raise


def _drop_ballast(place: CopyFolders) -> bool:
    with Folder.open(place.home) as home:
        if home.lstat(BALLAST_FILE) is None:
            return False
        home.unlink(BALLAST_FILE)
        return True


def transaction_id() -> str:
    return os.urandom(6).hex()


def now() -> str:
    """The time in UTC, for records."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
