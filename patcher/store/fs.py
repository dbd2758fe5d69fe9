"""The seam to the disk: every call of patcher that changes a file system passes through here.

One class, `Folder`: an open directory. Names are single path components resolved against its
descriptor and never through a link, so that nothing can be swapped in between check and use. Each
state-changing method first announces a `FileOperation` to `observer`; tests and `tests/torture`
kill the process there, raise an `OSError` instead, or record the calls to enumerate what a power
loss could leave behind.

Git's own writes (inside ``.git``, all of them derived and rebuildable) are the one exception.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW
_AT_ONCE = 16
# "This file system or kernel cannot do it", as opposed to "it failed".
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}
_NO_LINKS = {errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True)
class FileOperation:
    """A state-changing call that is about to be made.

    Attributes:
        op: mkdir, rmdir, create, write, chmod, fsync, fsync-folder, rename, exchange, link,
            unlink, allocate.
        path: absolute path of what changes (of the source, for those with two).
        other: absolute path of the destination of rename, exchange and link.
        data: the bytes of a write.
        mode: the permission bits of a chmod.
    """

    op: str
    path: str
    other: str = ""
    data: bytes = b""
    mode: int = 0


observer: Callable[[FileOperation], None] | None = None


def _announce(op: str, path: str, other: str = "", data: bytes = b"", mode: int = 0) -> None:
    if observer is not None:
        observer(FileOperation(op, path, other, data, mode))


def digest(data: bytes) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return sha256(data).hexdigest()


@dataclass(frozen=True)
class FileContent:
    """Bytes of a regular file with its permission bits, as found."""

    data: bytes
    mode: int
    stat: os.stat_result


class Folder:
    """An open directory."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Folder:
        """Open a directory whose parents the caller trusts; itself it may not be a link."""
        text = os.fspath(path)
        return cls(os.open(text, os.O_RDONLY | os.O_DIRECTORY | _OPEN), text)

    @classmethod
    def make(cls, path: Path) -> Folder:
        """Open a directory that the caller trusts; make it, and its parents, when missing."""
        if not path.is_dir():
            with cls.make(path.parent) as parent:
                parent.mkdir(path.name, exist_ok=True)
                parent.fsync()
        return cls.open(path)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def at(self, name: str) -> str:
        """The absolute path of a name in this folder, for messages and the observer."""
        return f"{self.path}/{name}"

    # reading

    def child(self, name: str) -> Folder:
        """Open a sub-directory; a link raises ``ELOOP`` or ``ENOTDIR``."""
        return Folder(
            os.open(name, os.O_RDONLY | os.O_DIRECTORY | _OPEN, dir_fd=self.fd), self.at(name)
        )

    def lstat(self, name: str) -> os.stat_result | None:
        """What a name is, without following it; None when there is nothing."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def read(self, name: str) -> FileContent | None:
        """A regular file's bytes and mode; None when there is nothing under the name.

        Raises:
            OSError: ``ELOOP`` for a link, ``EINVAL`` for a folder, FIFO, socket or device (which
                is never opened: opening a FIFO would hang).
        """
        result = self.lstat(name)
        if result is None:
            return None
        if not stat.S_ISREG(result.st_mode):
            code = errno.ELOOP if stat.S_ISLNK(result.st_mode) else errno.EINVAL
            raise OSError(code, "not a regular file", self.at(name))
        # O_NONBLOCK: if a FIFO took its place since, the open returns and the check below refuses.
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _OPEN, dir_fd=self.fd)
        with os.fdopen(fd, "rb") as file:
            result = os.fstat(fd)
            if not stat.S_ISREG(result.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", self.at(name))
            return FileContent(file.read(), stat.S_IMODE(result.st_mode), result)

    def names(self) -> Iterator[str]:
        """The names in this folder, sorted."""
        yield from sorted(os.listdir(self.fd))

    # changing

    def mkdir(self, name: str, mode: int = 0o777, *, exist_ok: bool = False) -> None:
        _announce("mkdir", self.at(name))
        try:
            os.mkdir(name, mode, dir_fd=self.fd)
        except FileExistsError:
            if not exist_ok:
                raise

    def rmdir(self, name: str) -> None:
        _announce("rmdir", self.at(name))
        os.rmdir(name, dir_fd=self.fd)

    def create(self, name: str, data: bytes, mode: int, *, durable: bool = True) -> os.stat_result:
        """Make a new file whose bytes are on the disk when this returns (unless not ``durable``).

        Its name becomes durable with the folder's `fsync`. Returns the file's stat.
        """
        path = self.at(name)
        _announce("create", path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN
        fd = os.open(name, flags, 0o600, dir_fd=self.fd)
        try:
            rest = memoryview(data)
            while rest:
                _announce("write", path, data=bytes(rest))
                rest = rest[os.write(fd, rest) :]
            _announce("chmod", path, mode=mode)
            os.fchmod(fd, mode)
            if durable:
                _announce("fsync", path)
                os.fsync(fd)
            return os.fstat(fd)
        finally:
            os.close(fd)

    def allocate(self, name: str, size: int) -> None:
        """Make a new file of ``size`` bytes whose room on the disk is really taken."""
        _announce("allocate", self.at(name))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN
        fd = os.open(name, flags, 0o600, dir_fd=self.fd)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, size)
            else:  # pragma: no cover - macOS
                os.write(fd, bytes(size))
        finally:
            os.close(fd)

    def rename(self, source: str, destination: str) -> None:
        """Give ``source`` the name ``destination``, replacing what had it, in one step."""
        _announce("rename", self.at(source), self.at(destination))
        os.replace(source, destination, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def exchange(self, one: str, other: str) -> bool:
        """Swap two names in one step, so that nothing is overwritten.

        Returns False where the kernel or the file system cannot do it; then nothing changed.
        """
        _announce("exchange", self.at(one), self.at(other))
        code = _exchange(self.fd, os.fsencode(one), os.fsencode(other))
        if code in _UNSUPPORTED:
            return False
        if code:
            raise OSError(code, os.strerror(code), self.at(one), None, self.at(other))
        return True

    def link(self, source: str, destination: str) -> None:
        """Give a file a second name; `FileExistsError` when that name is taken.

        Where there are no hard links the file is moved.
        """
        _announce("link", self.at(source), self.at(destination))
        fds = {"src_dir_fd": self.fd, "dst_dir_fd": self.fd}
        try:
            os.link(source, destination, **fds, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS or self.lstat(destination) is not None:
                raise
            os.rename(source, destination, **fds)

    def unlink(self, name: str) -> None:
        """Remove a name; nothing happens when it is not there."""
        _announce("unlink", self.at(name))
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)

    def fsync(self) -> None:
        """Make the names in this folder durable."""
        _announce("fsync-folder", self.path)
        os.fsync(self.fd)

    def replace_file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Write a file so that its name always holds the old bytes or the new ones."""
        temporary = f"{name}.new"
        self.unlink(temporary)
        self.create(temporary, data, mode)
        self.rename(temporary, name)
        self.fsync()


def fsync_many(paths: Sequence[str], *, folders: bool = False) -> None:
    """Make many files, or folders, durable, several at a time: a disk takes them in one go."""
    for path in paths:
        _announce("fsync-folder" if folders else "fsync", path)

    def sync(path: str) -> None:
        fd = os.open(path, os.O_RDONLY | _OPEN)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(sync, paths))


def remove_tree(parent: Folder, name: str) -> None:
    """Remove a folder that patcher made, with all that is in it; links are not followed."""
    with parent.child(name) as folder:
        for entry in list(folder.names()):
            result = folder.lstat(entry)
            if result is not None and stat.S_ISDIR(result.st_mode):
                remove_tree(folder, entry)
            else:
                folder.unlink(entry)
    parent.rmdir(name)


def _load_exchange() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """The C library's call that swaps two names, with its flag's argument order evened out."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = "renameatx_np" if sys.platform == "darwin" else "renameat2"
    function: Any = getattr(libc, name, None)
    if function is not None:
        function.argtypes = [
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_uint,
        ]
        function.restype = ctypes.c_int
    return function  # type: ignore[no-any-return]


_SWAP = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS have the same value
_libc_exchange = _load_exchange()


def _exchange(fd: int, one: bytes, other: bytes) -> int:
    """0, or the error number."""
    if _libc_exchange is None:
        return errno.ENOSYS
    return ctypes.get_errno() if _libc_exchange(fd, one, fd, other, _SWAP) else 0
