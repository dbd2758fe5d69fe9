"""Run something in a forked child while faults are injected at patcher's seam to the disk."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from patcher.errors import PatcherError
from patcher.store import fs
from patcher.store.fs import FileOperation

Work = Callable[[], None]
Observer = Callable[[FileOperation], None]
DONE, REFUSED, TRACEBACK = 0, 3, 70


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit status, or the signal that killed it."""

    status: int | None
    signal: int | None

    @property
    def traceback(self) -> bool:
        return self.status == TRACEBACK


def fork(work: Work, observer: Observer | None = None) -> int:
    """Start work in a child; returns its process id.

    The child exits `DONE`, with an error's own status, or `TRACEBACK` on anything unforeseen.
    """
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    try:
        fs.observer = observer
        work()
    except PatcherError as error:
        os._exit(int(error.exit))
    except BaseException:
        traceback.print_exc()
        os._exit(TRACEBACK)
    os._exit(DONE)


def wait(child: int) -> Ended:
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return Ended(None, os.WTERMSIG(status))
    return Ended(os.WEXITSTATUS(status), None)


def run(work: Work, observer: Observer | None = None) -> Ended:
    return wait(fork(work, observer))


def count_calls(work: Work) -> list[FileOperation]:
    """The state-changing calls that work makes, in this process."""
    calls: list[FileOperation] = []
    kept, fs.observer = fs.observer, calls.append
    try:
        work()
    finally:
        fs.observer = kept
    return calls


def kill_at(number: int, *, torn_write: bool = False) -> Observer:
    """Kill the process at its Nth call (from 0); ``torn_write`` lets half of a write happen."""
    seen = 0

    def observe(call: FileOperation) -> None:
        nonlocal seen
        if seen == number:
            if torn_write and call.op == "write":
                with open(call.path, "r+b") as file:
                    file.write(call.data[: len(call.data) // 2])
            die()
        seen += 1

    return observe


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def fail_at(number: int, code: int, *, sticky: bool = False) -> Observer:
    """Raise an `OSError` at the Nth call; ``sticky``: and at every one after it."""
    seen = 0

    def observe(call: FileOperation) -> None:
        nonlocal seen
        hit = seen >= number if sticky else seen == number
        seen += 1
        if hit:
            raise OSError(code, os.strerror(code), call.path)

    return observe
