"""The workspace: the folder patcher runs in, its lock, and the working copies it holds."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.versions import split_target, target_name
from patcher.store import git, plumbing, transaction
from patcher.store import state as states
from patcher.store.checkout import refuse_patched
from patcher.store.exclusive import ExclusiveFolders
from patcher.store.freeze import write_tree
from patcher.store.fs import Folder, digest
from patcher.store.index import INDEX_FILE, IndexEntry, dump, stamp
from patcher.store.journal import Journal
from patcher.store.lost import lost_copies
from patcher.store.settling import UNFINISHED, discard_unfinished
from patcher.store.signals import Deferred
from patcher.store.state import SERIES_FILE, State
from patcher.store.working_copy import WorkingCopy

if TYPE_CHECKING:
    from patcher.store.source import DistributionSource

TREE = "tree"
IGNORE_FILE = ".gitignore"


class Workspace(ExclusiveFolders):
    """The folder patcher runs in: opens its working copies, and makes them."""

    def working_copy(self, target: str | None = None) -> WorkingCopy:
        """The working copy of a target, ``A`` or ``A,B``; without a name, the only one there is.

        Raises:
            PatcherError: ``no-working-copy``; ``usage`` when there are several to choose from.
        """
        targets = self.targets()
        if target is not None:
            result = self.find_target(target)
            targets = () if result is None else (result,)
        if not targets:
            for lost in lost_copies(self):
                if target is None or lost.target == target_name(split_target(target)):
                    raise lost.error()
            about = f"of {target} " if target else ""
            raise PatcherError("no-working-copy", f"there is no working copy {about}in {self.root}")
        if len(targets) > 1:
            raise PatcherError(
                "usage", f"there are several working copies: {', '.join(targets)}; name one"
            )
        return WorkingCopy(self, self.state(targets[0]))

    def init(self, source: DistributionSource, in_place: Path | None = None) -> WorkingCopy:
        """Make the working copy of a source.

        Args:
            in_place: a checkout that becomes the working copy itself; ``source`` was read from
                it. Nothing in it is changed but ``.git/info/exclude``, objects and
                ``refs/patcher/*``.

        Raises:
            PatcherError: ``exists`` when there is one already; ``io``.
        """
        target = source.distribution
        with self.lock("init"), Deferred(absorb=True) as signals:
            if in_place is not None:
                refuse_patched(source.import_root or in_place, self.root)
            self._refuse_lost(target)
            if target in self.targets():
                raise PatcherError(
                    "exists",
                    f"there is a working copy of {target} in {self.root}",
                    hint="`patcher status` shows it",
                )
            state = State(
                target=target,
                version=source.version,
                origin=source.origin,
                packages=source.packages,
                root=f".patcher/{target}/{TREE}",
                transaction=transaction.transaction_id(),
            )
            try:
                if in_place is None:
                    self._init_managed(source, state, signals)
                else:
                    self._init_in_place(source, state, in_place, signals)
            except OSError as error:
                with suppress(OSError):
                    discard_unfinished(self)
                raise PatcherError("io", f"{error.strerror}: {error.filename}") from error
            self._ignore_private()
            copy = WorkingCopy(self, self.state(target))
            git.record(copy)
        return copy

    def _ignore_private(self) -> None:
        """Keep the private folder out of the user's `git add`; nothing depends on it."""
        with suppress(OSError), Folder.open(self.private_dir) as private:
            private.create(IGNORE_FILE, b"*\n", 0o644)

    def _refuse_lost(self, target: str) -> None:
        """Raise when a tree of this target is patched and only its records are lost."""
        for lost in lost_copies(self):
            if lost.target == target:
                raise lost.error()

    def _init_managed(self, source: DistributionSource, state: State, signals: Deferred) -> None:
        """Build everything beside, then give it its name in one step."""
        name = f"{UNFINISHED}{state.transaction}"
        with Folder.open(self.private_dir) as private:
            private.mkdir(name)
            with private.child(name) as home:
                stats = write_tree(home, TREE, source.files, durable=True)
                index = dump(
                    IndexEntry(path, digest(data), mode | 0o600, stamp(stats[path]))
                    for path, (data, mode) in source.files.items()
                )
                home.create(INDEX_FILE, index, 0o644)
                placed = replace(state, index=self.backups.put(index))
                self._publish(private, home, name, placed, signals)

    def _publish(
        self, private: Folder, home: Folder, name: str, state: State, signals: Deferred
    ) -> None:
        """Record the first state in the backups, then let it be true."""
        data = states.dump(state)
        first = self.backups.put(data)
        home.create(SERIES_FILE, data, 0o644)
        home.fsync()
        made = Journal(
            transaction=state.transaction,
            generation=0,
            target=state.target,
            action="init",
            names=(),
            root=state.root,
            started=transaction.now(),
            pid=os.getpid(),
            state_before=first,
            state_after=first,
            steps=(),
        )
        self.backups.record(made)
        if signals.received is not None:
            discard_unfinished(self)
            signals.checkpoint()
        private.rename(name, state.target)
        private.fsync()

    def _init_in_place(
        self, source: DistributionSource, state: State, checkout: Path, signals: Deferred
    ) -> None:
        root = source.import_root or Path(os.path.realpath(checkout))
        result = plumbing.find_checkout(root)
        if result is None:
            raise PatcherError(
                "source",
                f"{checkout} is not a git checkout",
                hint="`patcher init FOLDER`, without --in-place, makes a working copy of it",
                where=str(checkout),
            )
        top = result[0]
        if self.root == top or top in self.root.parents:
            below = "" if self.root == top else f"{self.root.relative_to(top).as_posix()}/"
            plumbing.hide(
                top,
                (
                    f"/{below}.patcher/",
                    f"/{below}backups/objects/",
                    f"/{below}backups/manifests/",
                ),
            )
        name = f"{UNFINISHED}{state.transaction}"
        with Folder.open(self.private_dir) as private:
            private.mkdir(name)
            with private.child(name) as home:
                placed = replace(state, root=str(root), in_place=True)
                self._publish(private, home, name, placed, signals)
