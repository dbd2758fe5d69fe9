"""A target's tree and its series as they are on the disk: what every file is and should be."""

from __future__ import annotations

import stat
from functools import cached_property
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.drift import Drift, ExpectedFile, find_drift
from patcher.store.fs import digest
from patcher.store.index import INDEX_FILE, Index
from patcher.store.journal import Journal
from patcher.store.paths import Root, printable, safe_target
from patcher.store.plumbing import find_blob, record_ref
from patcher.store.undo import CopyFolders
from patcher.store.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from patcher.store.folders import Folders
    from patcher.store.state import Applied, State


class StoredTree:
    """A target's tree with its series, as read from ``series.json``. Reads only."""

    def __init__(self, folders: Folders, state: State) -> None:
        self.folders = folders
        self.state = state
        # hashes of what was read since the last change
        self._seen: dict[str, set[str | None]] = {}

    @property
    def target(self) -> str:
        return self.state.target

    @property
    def version(self) -> str | None:
        return self.state.version

    @property
    def origin(self) -> str:
        return self.state.origin

    @property
    def packages(self) -> tuple[str, ...]:
        return self.state.packages

    @property
    def in_place(self) -> bool:
        """True when the tree is somebody's own checkout."""
        return self.state.in_place

    @property
    def series(self) -> tuple[Applied, ...]:
        return self.state.series

    @property
    def verified(self) -> tuple[str, ...] | None:
        """Names of the series that last passed verification; None when none did."""
        return None if self.verified_series is None else tuple(a.name for a in self.verified_series)

    @property
    def verified_series(self) -> tuple[Applied, ...] | None:
        return self.state.verified

    @property
    def home(self) -> Path:
        """``.patcher/TARGET``."""
        return self.folders.private_dir / self.state.target

    @cached_property
    def root(self) -> Path:
        """The import root, absolute."""
        return self.folders.root / self.state.root

    @cached_property
    def place(self) -> CopyFolders:
        closed = self.folders.closed_folders()
        return CopyFolders(
            Root(str(self.root), closed),
            self.folders.private_dir,
            self.home,
            self.folders.backups,
        )

    @cached_property
    def index(self) -> Index | None:
        """Pristine hashes of a managed tree; None in place."""
        if self.state.index is None:
            return None
        path = self.home / INDEX_FILE
        try:
            return Index(path.read_bytes(), self.state.index)
        except (OSError, ValueError):
            raise PatcherError(
                "state-damaged",
                f"{path} is missing or damaged",
                hint="`patcher recover` takes it from the backups",
                where=str(path),
            ) from None

    # reading

    def read(self, path: str) -> bytes | None:
        """The bytes in the tree now; None when there is no such file.

        Raises:
            PatcherError: ``unsafe-path``, or ``unsupported-source`` over 1 MB.
        """
        try:
            with safe_target(str(self.root), path, self.place.root.closed) as (folder, name):
                result = folder.read(name)
        except FileNotFoundError:
            result = None
        data = None if result is None else result.data
        self._seen.setdefault(path, set()).add(None if data is None else digest(data))
        return data

    def left(self, path: str) -> bytes | None:
        """The bytes that patcher left under a path, whatever an edit made of them since.

        Raises:
            PatcherError: ``drift`` when no record holds them any more.
        """
        each = self.expected_one(path)
        if each is None:
            return self.read(path)
        if each[0] is None:
            return None
        result = self.place.root.read(path) if self._is_file(path) else None
        if result is not None and digest(result.data) == each[0]:
            return result.data
        touched = self.state.touched.get(path)
        if touched is None:
            return self.pristine(path)
        data = self._from_git(path, each[0])
        if data is None:
            raise PatcherError("drift", f"{printable(path)} is not what patcher wrote", where=path)
        return data

    def _is_file(self, path: str) -> bool:
        here = self.place.root.lstat(path)
        return here is not None and stat.S_ISREG(here.st_mode)

    def pristine(self, path: str) -> bytes | None:
        """The bytes before any patch; None when there was no such file.

        Raises:
            PatcherError: ``backup-damaged``; ``drift`` when the file was edited and git does not
                hold its pristine bytes either.
        """
        touched = self.state.touched.get(path)
        if touched is not None:
            return None if touched.pristine is None else self.folders.backups.get(touched.pristine)
        data = self.read(path)
        if self.index is None:
            return data
        entry = self.index.get(path)
        if entry is None:
            return None
        if data is not None and digest(data) == entry.sha256:
            return data
        data = self._from_git(path, entry.sha256)
        if data is None:
            raise PatcherError("drift", f"{printable(path)} is not what patcher wrote", where=path)
        return data

    def pristine_mode(self, path: str) -> int | None:
        """Permission bits before any patch; None when there was no such file."""
        touched = self.state.touched.get(path)
        if touched is not None:
            return None if touched.pristine is None else touched.pristine_mode
        if self.index is not None:
            entry = self.index.get(path)
            return None if entry is None else entry.mode
        result = self.place.root.read(path)
        return None if result is None else result.mode

    def paths(self) -> tuple[str, ...]:
        """Files of the target as they should be now, sorted."""
        return tuple(sorted(self.expected()))

    def expected(self) -> dict[str, ExpectedFile]:
        """Hash, mode and stamp of every file as patcher left it."""
        result: dict[str, ExpectedFile] = {}
        if self.index is not None:
            for path, sha256, mode, stamp in self.index.entries():
                result[path] = ExpectedFile(sha256, mode, stamp)
        else:
            for package in self.packages:
                for path in [package] if package.endswith(".py") else walk(self.root, package):
                    result[path] = ExpectedFile(None, 0, "")
        for path, touched in self.state.touched.items():
            if touched.current is None:
                result.pop(path, None)
            else:
                result[path] = ExpectedFile(touched.current, touched.mode, "")
        return result

    def expected_one(self, path: str) -> tuple[str | None, int] | None:
        """(hash, mode) that a file should have; None where patcher has no say (in place)."""
        touched = self.state.touched.get(path)
        if touched is not None:
            return touched.current, touched.mode
        if self.index is None:
            return None
        entry = self.index.get(path)
        return (None, 0) if entry is None else (entry.sha256, entry.mode)

    def drift(self, paths: Iterable[str] | None = None) -> tuple[Drift, ...]:
        """Where the tree is not what patcher left.

        Args:
            paths: look at these only; by default at all of the tree, new files included. In place
                only files that patcher changed can drift.
        """
        removed = {path for path, each in self.state.touched.items() if each.current is None}
        if paths is not None:
            expected = {}
            for path in paths:
                each = self.expected_one(path)
                if each is not None and each[0] is not None:
                    expected[path] = ExpectedFile(each[0], each[1], "")
                elif each is not None:
                    removed.add(path)
            return find_drift(self.place.root, expected, removed & set(paths), look_for_new=False)
        if self.in_place:
            touched = self.state.touched.items()
            expected = {
                path: ExpectedFile(each.current, each.mode, "")
                for path, each in touched
                if each.current is not None
            }
            return find_drift(self.place.root, expected, removed, look_for_new=False)
        return find_drift(
            self.place.root, self.expected(), removed, look_for_new=True,
            passed_over=self._temporary(),
        )  # fmt: skip

    def _temporary(self) -> set[str]:
        """Names that belong to an interrupted change."""
        journal = self.folders.journal()
        if isinstance(journal, Journal) and journal.target == self.target:
            return journal.temporary
        return set()

    def _from_git(self, path: str, sha256: str) -> bytes | None:
        ref = record_ref(self.target, in_place=self.in_place)
        return find_blob(self.root, ref, path, sha256)


def drift_error(drift: Sequence[Drift]) -> PatcherError:
    """PatcherError ``drift`` that names every file."""
    first = drift[0]
    which = f"{printable(first.path)} is"
    if drift[1:]:
        which = f"{printable(first.path)} and {len(drift) - 1} more are"
    return PatcherError(
        "drift",
        f"{which} not what patcher wrote ({first.kind})",
        where=first.path,
        notes=[f"{each.kind}: {printable(each.path)}" for each in drift],
        payload={"drift": [{"path": each.path, "kind": each.kind} for each in drift]},
    )
