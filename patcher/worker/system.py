"""What a worker asks of the system and tells it: memory, speed, that it must not be left behind."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
from time import perf_counter  # this one, whatever the target makes of `time`
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PR_SET_PDEATHSIG = 1
SELDOM = (50_000, 20, 20)  # for `gc.set_threshold`
PROBE_ROUNDS = 40_000  # about 2 ms: far below a call, far above the clock's step


def probe() -> float:
    """Seconds for a fixed piece of work that knows nothing of the target.

    A virtual processor may halve its speed for seconds, and no counter tells.
    """
    started = perf_counter()
    total = 0
    for number in range(PROBE_ROUNDS):
        total += number * number
    return perf_counter() - started


def rss_mib(field: str) -> float:
    """``VmRSS`` or ``VmHWM`` (its peak) of this process; 0 where the system does not tell."""
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def reset_peak() -> None:
    """Make ``VmHWM`` start anew from the present size."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")


def limit_memory(mib: int) -> None:
    """Bound the address space, so that a patch that eats memory meets a MemoryError."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))


def die_with_parent(parent: int, requests: int, answers: int) -> None:
    """End this process's group when the parent ends, by the kernel's hand and by the pipe's.

    The kernel's signal (Linux) reaches a worker that is stuck holding the interpreter. A guard
    watches the pipe, on every system, and takes the worker's children along; it is a process of
    the same group, since the signal would end a thread before it had done so.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # meant for the worker, to dump its stacks
        os.close(answers)  # its end says that the worker died
        poll = select.poll()
        poll.register(requests, 0)  # hang-up is always reported
        while not any(event & select.POLLHUP for _, event in poll.poll()):
            pass
        os.killpg(0, signal.SIGKILL)


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Collect garbage seldom: most of what imports and loading make stays, and is looked at again
    and again, for a seventh of their time. What the target itself sets is left as it is."""
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        if gc.get_threshold() == SELDOM:
            gc.set_threshold(*before)
            if gc.isenabled():
                gc.collect()  # no call may find what would be gone by then
