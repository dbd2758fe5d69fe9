"""One run at a time in a workspace: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from pathlib import Path


class Held:
    """A lock that is held; leaving the context lets it go."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

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
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            raise PatcherError("locked", _describe(fd), where=str(path)) from None
        finally:
            os.close(fd)
    except OSError:
        os.close(fd)
        raise
    _sign(fd, command)
    return Held(fd)


def _sign(fd: int, command: str) -> None:
    """Write who holds the lock. Information only: on a full disk the lock still holds."""
    holder = {
        "pid": os.getpid(),
        "command": command,
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps(holder).encode(), 0)


def _describe(fd: int) -> str:
    try:
        holder = json.loads(os.pread(fd, 4096, 0))
        return (
            f"`patcher {holder['command']}` (process {holder['pid']} on {holder['host']}, "
            f"since {holder['since']}) is running in this workspace"
        )
    except (ValueError, KeyError, TypeError, OSError):
        return "another patcher run is starting in this workspace"
