"""One run at a time in a workspace: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from pathlib import Path

_ORPHAN_S = 2.0


class Held:
    """A lock that is held; leaving the context lets it go.

    Attributes:
        died: what the lock file says of a holder that ended without letting go; None when the
            last one ended in order.
    """

    def __init__(self, fd: int, died: dict[str, Any] | None) -> None:
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
            if holder is None or _alive(holder) or time.monotonic() > end:
                raise
            time.sleep(0.005)


def _alive(holder: dict[str, Any]) -> bool:
    """Whether a holder may be running: on another host nobody can tell."""
    if holder["host"] != os.uname().nodename or not isinstance(holder["pid"], int):
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def dead_holder(path: Path) -> dict[str, Any] | None:
    """What the lock file says of a holder that ended without letting go. Changes nothing."""
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
    holder = {
        "pid": os.getpid(),
        "command": command,
        "host": os.uname().nodename,
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(holder).encode(), 0)


def _holder(fd: int) -> dict[str, Any] | None:
    """What a holder wrote: command, pid, host and since; None for nothing, or nonsense."""
    try:
        holder = json.loads(os.pread(fd, 4096, 0))
    except (ValueError, OSError):
        return None
    whole = isinstance(holder, dict) and {"command", "pid", "host", "since"} <= holder.keys()
    return holder if whole else None


def _describe(holder: dict[str, Any] | None) -> str:
    if holder is None:
        return "another patcher run is starting in this workspace"
    return (
        f"`patcher {holder['command']}` (process {holder['pid']} on {holder['host']}, "
        f"since {holder['since']}) is running in this workspace"
    )
