"""Kill a real command at each of its state-changing system calls, through strace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "openat", "open", "creat", "write", "pwrite64", "writev", "rename", "renameat", "renameat2",
    "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
    "fsync", "fdatasync", "ftruncate", "truncate", "fallocate", "chmod", "fchmod", "fchmodat",
    "utimensat", "copy_file_range", "sendfile",
)  # fmt: skip
_TIMEOUT_S = 60


def available() -> bool:
    """Whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False)
    return done.returncode == 0


@dataclass(frozen=True)
class Point:
    """The Nth call of a name (from 1) in any one process of the command."""

    call: str
    number: int


def points(command: list[str], folder: Path, below: Path) -> list[Point]:
    """Run a command once; the calls by which it changes files below a folder.

    Args:
        folder: where to run it.
        below: calls on files elsewhere (bytecode caches, terminals) are passed over.
    """
    log = folder.parent / f"strace-{os.getpid()}.log"
    traced = ",".join(CALLS)
    subprocess.run(
        ["strace", "-f", "-y", "-qq", "-e", f"trace={traced}", "-o", str(log), *command],
        cwd=folder, capture_output=True, check=True, timeout=_TIMEOUT_S,
    )  # fmt: skip
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[Point, None] = {}
    for line in log.read_text(errors="replace").splitlines():
        parsed = re.match(r"(\d+)\s+(\w+)\((.*)", line)
        if parsed is None:
            continue
        process, call, rest = parsed.groups()
        counts[process, call] += 1
        if call in ("openat", "open") and not re.search(r"O_(CREAT|TRUNC)", rest):
            continue
        # Names without a folder are below the one the command runs in.
        if str(below) in rest or re.match(r'"[^/"]', rest):
            found[Point(call, counts[process, call])] = None
    log.unlink()
    return list(found)


def kill(command: list[str], folder: Path, point: Point) -> bool:
    """Run a command that is killed at a point, in whichever of its processes gets there.

    Returns whether anything was killed. (`--seccomp-bpf` would halve the cost, but strace 6.1 then
    injects nothing: hence the answer is checked.)
    """
    log = folder.parent / f"strace-{os.getpid()}.log"
    subprocess.run(
        ["strace", "-f", "-o", str(log), "-e", f"trace={point.call}",
         "-e", f"inject={point.call}:signal=KILL:when={point.number}", *command],
        cwd=folder, capture_output=True, check=False, timeout=_TIMEOUT_S,
    )  # fmt: skip
    killed = "+++ killed by SIGKILL" in log.read_text(errors="replace")
    log.unlink()
    return killed
