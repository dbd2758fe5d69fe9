"""Being the only run in a workspace: the lock, and settling what an earlier run left."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import lock as locks
from patcher.store import transaction
from patcher.store.folders import Folders
from patcher.store.fs import Folder
from patcher.store.settling import settle_pending
from patcher.store.signals import Deferred

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ExclusiveFolders(Folders):
    """Folders that one run at a time may change.

    Attributes:
        died: the run before this one, if it ended without letting its lock go (killed, or the
            power failed). Known once the lock is held.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._locked = False
        self.died: locks.Holder | None = None

    @contextmanager
    def lock(self, command: str, *, settle: bool = True) -> Iterator[None]:
        """Be the only run that changes this workspace; first settles what one before left.

        Entering it again inside is free.

        Raises:
            PatcherError: ``locked``, naming the holder; ``io`` when there can be no lock file;
                what `recovery.settle_pending` raises.
        """
        if self._locked:
            yield
            return
        try:
            Folder.make(self.private_dir).close()
            held = locks.acquire(self.private_dir / "lock", command)
        except OSError as error:
            raise PatcherError(
                "io", f"{error.strerror}: {error.filename}", where=str(self.private_dir)
            ) from error
        with held:
            self._locked = True
            self.died = held.died
            try:
                if settle:
                    _settle(self)
                yield
            finally:
                self._locked = False


def _settle(folders: Folders) -> None:
    try:
        with Deferred():
            settle_pending(folders)
    except OSError as error:
        raise transaction.refused(error) from error
