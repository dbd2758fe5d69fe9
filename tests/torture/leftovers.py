"""Processes that outlive the command that started them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_PATIENCE_S = 5.0  # a killed process is seen until its parent or init has taken its status


def using(place: Path) -> dict[int, str]:
    """Processes whose variables or arguments name a folder, with their arguments.

    Everything `patcher verify` starts has its workspace in its variables; a process that has
    ended has neither.
    """
    folder = os.fsencode(place)
    users = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if folder in words or folder in (entry / "environ").read_bytes():
                users[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace").strip()
    return users


def take_leftovers(place: Path, patience_s: float = _PATIENCE_S) -> list[str]:
    """One fault for each process that still uses a folder after a while, which is ended then."""
    end = time.monotonic() + patience_s
    while (users := using(place)) and time.monotonic() < end:
        time.sleep(0.01)
    for pid in users:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [f"left: process {pid} still runs: {words}" for pid, words in users.items()]
