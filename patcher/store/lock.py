"""One run at a time in a workspace: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def hold(path: Path, command: str) -> Iterator[None]:
    """Hold the lock file's lock; the file stays, and names its last holder.

    Raises:
        PatcherError: ``locked``, naming the holder, when another process has it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PatcherError("locked", _describe(fd), where=str(path)) from None
        _sign(fd, command)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(fd, 0)
    finally:
        os.close(fd)


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
