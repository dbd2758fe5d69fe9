"""One run at a time in a workspace: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from pathlib import Path

_ORPHAN_S = 2.0


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as its file says: process, command, host, and since when (UTC)."""

    pid: int
    command: str
    host: str
    since: str

    @classmethod
    def this_process(cls, command: str) -> Holder:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return cls(os.getpid(), command, os.uname().nodename, since)

    @classmethod
    def from_json(cls, data: bytes) -> Holder | None:
        """What a lock file holds; None for nothing, or nonsense."""
        try:
            values = json.loads(data)
            holder = cls(*(values[key] for key in ("pid", "command", "host", "since")))
        except (ValueError, TypeError, KeyError):
            return None
        texts = (holder.command, holder.host, holder.since)
        whole = type(holder.pid) is int and all(isinstance(text, str) for text in texts)
        return holder if whole else None

    @property
    def may_live(self) -> bool:
        """Whether it may be running: on another host nobody can tell."""
        if self.host != os.uname().nodename:
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except (PermissionError, OverflowError):
            pass
        return True


class Held:
    """A lock that is held; leaving the context lets it go.

    Attributes:
        died: the holder before, when it ended without letting go; None when it ended in order.
    """

    def __init__(self, fd: int, died: Holder | None) -> None:
        self._fd = fd
        self.died = died

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        # The file stays, empty: removing it would let two runs lock two files of one name.
        with suppress(OSError):
            os.ftruncate(self._fd, 0)
        os.close(self._fd)


def acquire(path: Path, command: str) -> Held:
    """Take the lock of a lock file, which is made when missing.

    Raises:
        PatcherError: ``locked``, naming the holder, when another process has it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        _lock(fd)
    except BlockingIOError:
        try:
            raise PatcherError("locked", _describe(_holder(fd)), where=str(path)) from None
        finally:
            os.close(fd)
    except OSError:
        os.close(fd)
        raise
    died = _holder(fd)
    _sign(fd, command)
    return Held(fd, died)


def _lock(fd: int) -> None:
    """Take the lock, or raise `BlockingIOError`.

    A child that was forked in the instant its parent was killed has the lock until its exec: that
    is waited for.
    """
    end = time.monotonic() + _ORPHAN_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(fd)
            if holder is None or holder.may_live or time.monotonic() > end:
                raise
            time.sleep(0.005)


def dead_holder(path: Path) -> Holder | None:
    """The last holder, when it ended without letting go. Changes nothing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return _holder(fd)
    except OSError:  # somebody holds it: alive
        return None
    finally:
        os.close(fd)


def _sign(fd: int, command: str) -> None:
    """Write who holds the lock. Information only: on a full disk the lock still holds."""
    with suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(asdict(Holder.this_process(command))).encode(), 0)


def _holder(fd: int) -> Holder | None:
    """The holder that a lock file names."""
    try:
        return Holder.from_json(os.pread(fd, 4096, 0))
    except OSError:
        return None


def _describe(holder: Holder | None) -> str:
    if holder is None:
        return "another patcher run is starting in this workspace"
    return (
        f"`patcher {holder.command}` (process {holder.pid} on {holder.host}, "
        f"since {holder.since}) is running in this workspace"
    )
