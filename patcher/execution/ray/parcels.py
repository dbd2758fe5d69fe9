"""Files that travel to a host: packed once, known by the hash of what is in them.

A parcel is one file or one folder. Its hash covers names, executable bits and bytes; a host that
has a parcel of that hash is sent nothing, and what arrives is hashed again before it is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import shutil
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_BYTES = 16 << 30
UNUSED_S = 30 * 86400.0  # a parcel that no job asked for in so long is removed
SKIPPED = frozenset({"__pycache__", "node_modules", "venv"})


@dataclass(frozen=True)
class Parcel:
    """A file or folder of the driver.

    Attributes:
        path: where the driver has it.
        digest: of its content, in hex.
        name: the last part of its path; kept, because sessions look at endings.
        folder: whether it is a folder.
    """

    path: str
    digest: str
    name: str
    folder: bool

    def place(self, cache: Path) -> Path:
        """Where a host keeps it."""
        return cache / "parcels" / self.digest / self.name


def parcel_of(path: str) -> Parcel:
    """Hash a file or a folder.

    Raises:
        PatcherError: ``environment`` when it is too large to be sent anywhere.
    """
    root = Path(path)
    size = 0
    for _, file in members(root):
        with contextlib.suppress(OSError):
            size += file.stat().st_size
    if size > LARGEST_BYTES:
        text = f"{path} has {size >> 30} GiB, which is more than is sent to another host"
        raise PatcherError("environment", text)
    return Parcel(path, content_digest(root), root.name, root.is_dir())


def content_digest(root: Path) -> str:
    """sha256 over name, executable bit and content of every file, in the order of names."""
    lines = []
    for name, file in members(root):
        executable = bool(file.stat().st_mode & 0o111)
        lines.append(f"{name}\0{int(executable)}\0{file_digest(file)}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_digest(file: Path) -> str:
    """sha256 of a file, which may be larger than memory."""
    result = hashlib.sha256()
    with file.open("rb") as data:
        while chunk := data.read(1 << 20):
            result.update(chunk)
    return result.hexdigest()


def members(root: Path) -> Iterator[tuple[str, Path]]:
    """The files of a parcel by their names in it, sorted: no bytecode, nothing that is hidden.

    Links are followed to files, not to folders.
    """
    if root.is_file():
        yield root.name, root
        return
    result = []
    for path, names, files in os.walk(root):
        names[:] = [each for each in names if each not in SKIPPED and not each.startswith(".")]
        for each in files:
            file = Path(path, each)
            if not each.endswith(".pyc") and not each.startswith(".") and file.is_file():
                result.append((file.relative_to(root).as_posix(), file))
    yield from sorted(result)


def pack(parcel: Parcel) -> bytes:
    """An uncompressed tar file of it."""
    root = Path(parcel.path)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, file in members(root):
            entry = tarfile.TarInfo(name)
            entry.size = file.stat().st_size
            entry.mode = 0o555 if file.stat().st_mode & 0o111 else 0o444
            with file.open("rb") as data:
                archive.addfile(entry, data)
    return out.getvalue()


def unpack(parcel: Parcel, data: bytes, cache: Path) -> Path:
    """Keep a parcel on this host, complete or not at all; where it is.

    Raises:
        ValueError: what arrived is not what was sent.
    """
    place = parcel.place(cache)
    folder = place.parent
    partial = folder.with_name(f"{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
    target = partial / parcel.name
    try:
        (target if parcel.folder else partial).mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(target if parcel.folder else partial, filter="data")
        if content_digest(target) != parcel.digest:
            raise ValueError(f"{parcel.name} did not arrive as it was sent")
        with contextlib.suppress(OSError):  # another job of this host was first
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return place


def has(parcel: Parcel, cache: Path) -> bool:
    """Whether this host has a parcel; its content is hashed by whoever relies on it."""
    place = parcel.place(cache)
    if not place.exists():
        return False
    with contextlib.suppress(OSError):
        os.utime(place.parent)
    return True


def discard(parcel: Parcel, cache: Path) -> None:
    """Remove a parcel that is not what it should be."""
    shutil.rmtree(parcel.place(cache).parent, ignore_errors=True)


def remove_unused(cache: Path) -> None:
    """Remove parcels that nobody asked for in a month."""
    oldest_s = time.time() - UNUSED_S
    for folder in (cache / "parcels").glob("*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < oldest_s:
                shutil.rmtree(folder, ignore_errors=True)
