"""Where a workspace keeps what; reading only."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from patcher.errors import PatcherError
from patcher.patchfile.versions import members_of, split_target, target_name
from patcher.store import journal as journals
from patcher.store import lock as locks
from patcher.store import state as states
from patcher.store.backups import Backups
from patcher.store.journal import DamagedJournal, Journal
from patcher.store.state import SERIES_FILE, State


class Folders:
    """A folder with ``patches/``, ``backups/`` and ``.patcher/``; ``root`` has no link in it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))

    @property
    def patches_dir(self) -> Path:
        return self.root / "patches"

    @property
    def backups_dir(self) -> Path:
        return self.root / "backups"

    @property
    def private_dir(self) -> Path:
        return self.root / ".patcher"

    @cached_property
    def backups(self) -> Backups:
        return Backups(self.backups_dir)

    def targets(self) -> tuple[str, ...]:
        """Names of the targets that have a working copy here, sorted."""
        try:
            names = os.listdir(self.private_dir)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(
            sorted(name for name in names if (self.private_dir / name / SERIES_FILE).is_file())
        )

    def find_target(self, text: str) -> str | None:
        """The working copy of a target, ``A`` or ``A,B``; None where there is none.

        Where none is of these distributions alone, it is the only one that holds them all.
        """
        names, here = split_target(text), self.targets()
        exact = target_name(names)
        if exact in here:
            return exact
        holding = []
        for target in here:
            with suppress(PatcherError, OSError):
                state = self.state(target)
                members = {name for name, _ in members_of(target, state.version)}
                if members.issuperset(names):
                    holding.append(target)
        return holding[0] if len(holding) == 1 else None

    def state(self, target: str) -> State:
        """What ``series.json`` says; PatcherError ``state-damaged``."""
        path = self.private_dir / target / SERIES_FILE
        return states.load(path.read_bytes(), str(path))

    def closed_folders(self) -> tuple[tuple[int, int], ...]:
        """(device, inode) of patcher's own folders: no patch may write there."""
        result = []
        for path in (self.private_dir, self.backups_dir):
            with suppress(OSError):
                here = path.stat()
                result.append((here.st_dev, here.st_ino))
        return tuple(result)

    def journal(self) -> Journal | DamagedJournal | None:
        """An interrupted change, or None. Reads only."""
        try:
            return journals.read(self.private_dir)
        except PatcherError:
            return DamagedJournal(str(self.private_dir / journals.JOURNAL_FILE))

    def dead_run(self) -> locks.Holder | None:
        """As `died`, for commands that do not take the lock. Reads only."""
        return locks.dead_holder(self.private_dir / "lock")
