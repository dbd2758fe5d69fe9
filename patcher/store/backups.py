"""Backups: content-addressed bytes, and one manifest a command. They suffice without git.

``backups/objects/ab/cdef...`` holds bytes under their sha256; ``backups/manifests/`` one JSON file
for every command that changed files, naming each path with its mode and hash before and after.
Nothing here is removed but by `patcher gc`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.fs import Folder, digest
from patcher.store.journal import Journal
from patcher.store.records import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READ_ONLY = 0o444


class Backups:
    """The ``backups/`` folder of a workspace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = path / "objects"
        self.manifests = path / "manifests"

    def object_path(self, sha256: str) -> Path:
        return self.objects / sha256[:2] / sha256[2:]

    def put(self, data: bytes) -> str:
        """Store bytes, on the disk when this returns; returns their sha256.

        An object that is already there is read again: a damaged one is replaced.
        """
        sha256 = digest(data)
        with Folder.make(self.object_path(sha256).parent) as folder:
            name = sha256[2:]
            held = folder.read(name)
            if held is None or held.data != data:
                folder.replace_file(name, data, _READ_ONLY)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes with this hash.

        Raises:
            PatcherError: ``backup-damaged`` when they are missing or do not have that hash.
        """
        path = self.object_path(sha256)
        try:
            with Folder.open(path.parent) as folder:
                held = folder.read(path.name)
        except OSError as error:
            raise PatcherError(
                "backup-damaged",
                f"the backup {path} cannot be read: {error.strerror}",
                hint="`patcher recover` mends it from the git history where that holds the bytes",
                where=str(path),
            ) from None
        if held is None or digest(held.data) != sha256:
            raise PatcherError(
                "backup-damaged",
                f"the backup {path} " + ("is missing" if held is None else "has other bytes"),
                hint="`patcher recover` mends it from the git history where that holds the bytes",
                where=str(path),
            )
        return held.data

    def record(self, manifest: Journal) -> None:
        """Write a command's manifest: the journal it began with."""
        with Folder.make(self.manifests) as folder:
            folder.replace_file(manifest.manifest_name, encode(manifest.as_json()))

    def object_files(self) -> list[Path]:
        """Every object there is, sorted; unfinished ones (``.new``) too."""
        return sorted(path for path in self.objects.glob("??/*") if path.is_file())

    def records(self, target: str | None = None, since: int = 0) -> Iterator[Journal]:
        """Manifests, oldest first; unreadable ones are passed over (`doctor` names them).

        Args:
            since: pass over those of generations before this one, unread.
        """
        try:
            names = sorted(os.listdir(self.manifests))
        except FileNotFoundError:
            return
        for name in names:
            generation = name.partition("-")[0]
            if not name.endswith(".json") or not generation.isdigit() or int(generation) < since:
                continue
            manifest = read_manifest(self.manifests / name)
            if manifest is not None and target in (None, manifest.target):
                yield manifest


def read_manifest(path: Path) -> Journal | None:
    """A manifest; None when it is not one that `Backups.record` wrote."""
    try:
        return Journal.from_json(path.read_bytes(), str(path))
    except PatcherError:
        return None
