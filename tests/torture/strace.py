"""Kill a real command, or fail one of its calls, at a state-changing system call, by strace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

CALLS = (
    "openat", "open", "creat", "write", "pwrite64", "writev", "rename", "renameat", "renameat2",
    "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
    "fsync", "fdatasync", "ftruncate", "truncate", "fallocate", "chmod", "fchmod", "fchmodat",
    "utimensat", "copy_file_range", "sendfile",
)  # fmt: skip
_TIMEOUT_S = 600  # of a machine that does much else


def available() -> bool:
    """Whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False)
    return done.returncode == 0


@dataclass(frozen=True)
class Point:
    """The Nth call of a name (from 1) in any one process of the command.

    Attributes:
        arguments: as strace printed them.
    """

    call: str
    number: int
    arguments: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class Ended:
    """How an injected run ended.

    Attributes:
        hit: the point was reached.
        elsewhere: so was the same number of that call on a file that is none of the command's:
            the interpreter's, while it starts.
    """

    hit: bool
    elsewhere: bool
    status: int
    stderr: str


def points(
    command: list[str], folder: Path, below: Path, *, status: int = 0, children: bool = True
) -> list[Point]:
    """Run a command once; the calls by which it changes files below a folder, in their order.

    Args:
        folder: where to run it.
        below: calls on files elsewhere (bytecode caches, terminals) are passed over.
        status: what it must end with.
        children: follow its children too.
    """
    log = _log(folder)
    done = subprocess.run(
        ["strace", *_follow(children), "-y", "-qq", "-e", f"trace={','.join(CALLS)}",
         "-o", str(log), *command],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=_TIMEOUT_S,
    )  # fmt: skip
    if done.returncode != status:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    counts: Counter[tuple[str, str]] = Counter()
    reached: dict[Point, None] = {}
    for line in log.read_text(errors="replace").splitlines():
        parsed = re.match(r"(?:(\d+)\s+)?(\w+)\((.*)", line)
        if parsed is None:
            continue
        process, call, rest = parsed.groups(default="")
        counts[process, call] += 1
        if call in ("openat", "open") and not re.search(r"O_(CREAT|TRUNC)", rest):
            continue
        if _is_below(rest, below):
            reached.setdefault(Point(call, counts[process, call], rest))
    log.unlink()
    return list(reached)


def kill(command: list[str], folder: Path, point: Point, *, children: bool = True) -> bool:
    """Run a command that is killed at a point, in whichever of its processes gets there.

    Returns whether anything was killed. (`--seccomp-bpf` would halve the cost, but strace 6.1 then
    injects nothing: hence the answer is checked.)
    """
    _, log = _inject(command, folder, point, "signal=KILL", children)
    return "+++ killed by SIGKILL" in log


def fail(command: list[str], folder: Path, point: Point, error: str) -> Ended:
    """Run a command in which the call at a point fails with an error, ``ENOSPC`` for example."""
    done, log = _inject(command, folder, point, f"error={error}", True)
    struck = [line.partition("(")[2] for line in log.splitlines() if "(INJECTED)" in line]
    elsewhere = not all(_is_below(rest, folder) for rest in struck)
    return Ended(bool(struck), elsewhere, done.returncode, done.stderr)


def _is_below(arguments: str, folder: Path) -> bool:
    """Whether a call is about a file below a folder, in which it was made if it names none."""
    arguments = re.sub(r"AT_FDCWD<[^>]*>", "AT_FDCWD", arguments)
    return str(folder) in arguments or bool(re.match(r'(AT_FDCWD, )?"[^/"]', arguments))


def _inject(
    command: list[str], folder: Path, point: Point, fault: str, children: bool
) -> tuple[subprocess.CompletedProcess[str], str]:
    """The run, and what strace said of it."""
    log = _log(folder)
    done = subprocess.run(
        ["strace", *_follow(children), "-y", "-o", str(log), "-e", f"trace={point.call}",
         "-e", f"inject={point.call}:{fault}:when={point.number}", *command],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=_TIMEOUT_S,
    )  # fmt: skip
    text = log.read_text(errors="replace")
    log.unlink()
    return done, text


def _follow(children: bool) -> list[str]:
    return ["-f"] if children else []


def _log(folder: Path) -> Path:
    return folder.parent / f"strace-{os.getpid()}.log"
