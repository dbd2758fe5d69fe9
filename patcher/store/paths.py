"""Paths that come from specs: checked as text, then walked without following a link.

`safe_target` is the only way from a spec's path to a file. Nothing it returns can lie outside the
root, inside a repository's records or inside patcher's own.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.fs import FileContent, Folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MAX_SOURCE_BYTES = 1_000_000
MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 1024
# Names that some file system takes for `.git`: NTFS short names, trailing dots and blanks.
_RESERVED = re.compile(r"(\.git|git~\d+|\.patcher|patche~\d+)[ .]*", re.IGNORECASE)


def check_relative(path: str) -> tuple[str, ...]:
    """The parts of a relative POSIX path, or PatcherError ``unsafe-path``.

    Refused are absolute paths, ``..``, ``.``, ``~``, empty parts, backslashes, colons,
    control characters, text that is not UTF-8, and ``.git`` or ``.patcher`` in any spelling.
    """
    parts = tuple(path.split("/"))
    if reason := _unsafe_text(path) or next(filter(None, map(_unsafe_part, parts)), None):
        raise PatcherError("unsafe-path", f"{path!r} {reason}", where=printable(path))
    return parts


def printable(path: str) -> str:
    """A path for a message: what cannot be printed is escaped."""
    return path if path.isprintable() else ascii(path)


def _unsafe_text(path: str) -> str | None:
    if not path:
        return "is empty"
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path:
        return "has a backslash; write parts with /"
    if ":" in path:
        return "has a colon (a drive letter, or a stream of NTFS)"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in path):
        return "has a control character or is not valid text"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    return None


def _unsafe_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"has the part {part!r}"
    if part.startswith("~"):
        return "has a part that starts with ~"
    if len(part.encode()) > MAX_NAME_BYTES:
        return f"has a part longer than {MAX_NAME_BYTES} bytes"
    # HFS+ ignores format characters (zero-width joiner and the like) and folds compatible ones.
    visible = "".join(char for char in part if unicodedata.category(char) != "Cf")
    if _RESERVED.fullmatch(unicodedata.normalize("NFKC", visible)):
        return f"names a protected folder ({part!a})"
    return None


def kind_of(mode: int) -> str:
    """A word for what is not a regular file."""
    for test, word in (
        (stat.S_ISLNK, "link"),
        (stat.S_ISDIR, "folder"),
        (stat.S_ISFIFO, "FIFO"),
        (stat.S_ISSOCK, "socket"),
    ):
        if test(mode):
            return word
    return "device"


@dataclass(frozen=True)
class Root:
    """A tree that patches write into.

    Attributes:
        path: its absolute path.
        closed: (device, inode) of folders that no path may pass through, under whatever name.
    """

    path: str
    closed: Collection[tuple[int, int]] = ()

    @contextmanager
    def parent(self, path: str, *, make: bool = False) -> Iterator[tuple[Folder, str]]:
        """The open folder that holds ``path``, and the name in it.

        Raises:
            FileNotFoundError: a folder on the way is missing (and ``make`` is not set).
            PatcherError: ``unsafe-path`` for a path or a folder on the way that is refused.
        """
        *folders, name = check_relative(path)
        folder = self.open()
        try:
            for part in folders:
                if make and folder.lstat(part) is None:
                    folder.mkdir(part)
                    folder.fsync()
                inner = self._enter(folder, part, path)
                folder.close()
                folder = inner
            yield folder, name
        finally:
            folder.close()

    def open(self) -> Folder:
        try:
            return Folder.open(self.path)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            raise PatcherError(
                "unsafe-path", f"{self.path} is not a folder any more", where=self.path
            ) from None

    def _enter(self, folder: Folder, part: str, path: str) -> Folder:
        try:
            inner = folder.child(part)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            result = folder.lstat(part)
            word = "a link" if result and stat.S_ISLNK(result.st_mode) else "not a folder"
            raise PatcherError(
                "unsafe-path",
                f"{printable(part)!r} on the way to {printable(path)!r} is {word}",
                where=printable(path),
            ) from None
        result = os.fstat(inner.fd)
        if (result.st_dev, result.st_ino) in self.closed:
            inner.close()
            raise PatcherError(
                "unsafe-path",
                f"{printable(path)!r} leads into patcher's own records",
                where=printable(path),
            )
        return inner

    def read(self, path: str) -> FileContent | None:
        """A file of the tree; None when it, or a folder on the way, is missing.

        Raises:
            PatcherError: ``unsafe-path`` for anything but a regular file.
        """
        try:
            with self.parent(path) as (folder, name):
                try:
                    return folder.read(name)
                except OSError as error:
                    result = folder.lstat(name)
                    if result is None or error.errno not in (errno.ELOOP, errno.EINVAL):
                        raise
                    raise PatcherError(
                        "unsafe-path",
                        f"{printable(path)!r} is a {kind_of(result.st_mode)}, not a file",
                        where=printable(path),
                    ) from None
        except FileNotFoundError:
            return None

    def lstat(self, path: str) -> os.stat_result | None:
        """What is at ``path``, not followed; None when nothing is, or the way is no folder."""
        with suppress(FileNotFoundError, PatcherError), self.parent(path) as (folder, name):
            return folder.lstat(name)
        return None


@contextmanager
def safe_target(
    root: str, relative: str, closed: Collection[tuple[int, int]] = ()
) -> Iterator[tuple[Folder, str]]:
    """The open parent folder and name of a spec's path; everything hostile is refused.

    Raises:
        PatcherError: ``unsafe-path`` for a path, or for anything but a regular file (or nothing)
            under it; ``unsupported-source`` over 1 MB.
    """
    tree = Root(root, closed)
    with tree.parent(relative) as (folder, name):
        result = folder.lstat(name)
        if result is not None and not stat.S_ISREG(result.st_mode):
            raise PatcherError(
                "unsafe-path",
                f"{printable(relative)!r} is a {kind_of(result.st_mode)}, not a file",
                where=printable(relative),
            )
        if result is not None:
            check_size(result.st_size, relative)
        yield folder, name


def check_size(size: int, path: str) -> None:
    """Refuse files too large to be source code."""
    if size > MAX_SOURCE_BYTES:
        raise PatcherError(
            "unsupported-source",
            f"{printable(path)} has {size:,} bytes; patcher edits files up to {MAX_SOURCE_BYTES:,}",
            hint="split the file, or patch a smaller one that uses it",
            where=printable(path),
        )
