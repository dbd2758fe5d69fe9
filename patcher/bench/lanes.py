"""Where pairs are timed: one after another on one machine, or at once on several."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.bench.records import ProcessTiming
    from patcher.execution.results import Arm

    Work = Callable[[int, "Lane"], Any]


class Stopwatch(Protocol):
    """Times one process."""

    def __call__(self, arm: Arm, patience: float = 1.0, *, pair: str = "") -> ProcessTiming:
        """Time all cases on one arm in a fresh process; a failure is part of the result.

        Args:
            pair: equal for the processes that are compared: they run on one machine.
        """


@dataclass(frozen=True)
class Lane:
    """One of the places where pairs are timed."""

    number: int
    stopwatch: Stopwatch


class Lanes:
    """A stopwatch a lane, a pair at a time on each; with one lane there is no thread.

    Args:
        stop: makes every stopwatch that still runs end at once.
        open_now: how many there are machines for, now that some may be lost; None for all.

    Attributes:
        lock: held by whoever speaks of progress.
    """

    def __init__(
        self,
        stopwatches: Sequence[Stopwatch],
        stop: Callable[[], None] = lambda: None,
        open_now: Callable[[], int] | None = None,
    ) -> None:
        self._stop, self._open_now = stop, open_now
        self.count = len(stopwatches)
        self.lock = threading.Lock()
        self._free = [Lane(number, each) for number, each in enumerate(stopwatches)]
        self._of_block: dict[int, int] = {}  # both pairs of a block run on one lane
        self._done: list[tuple[int, Any]] = []
        self._running: dict[Future[Any], tuple[int, Lane]] = {}
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._stop()
            self._pool.shutdown(wait=True, cancel_futures=True)

    def open(self) -> int:
        """How many pairs can run at once."""
        return self.count if self._open_now is None else max(1, min(self.count, self._open_now()))

    def start(self, index: int, work: Work) -> None:
        """Time a pair on a lane that is free; there has to be one."""
        number = self._of_block.get(index // 2)
        lane = next((each for each in self._free if each.number == number), self._free[0])
        self._free.remove(lane)
        self._of_block[index // 2] = lane.number
        if self._pool is None:
            self._free.append(lane)
            self._done.append((index, work(index, lane)))
        else:
            self._running[self._pool.submit(work, index, lane)] = (index, lane)

    def finished(self) -> list[tuple[int, Any]]:
        """The pairs that are through, each with what its work gave; waits for at least one.

        Raises:
            Exception: whatever the work raised.
        """
        result, self._done = self._done, []
        if not result:
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in done:
                index, lane = self._running.pop(future)
                self._free.append(lane)
                result.append((index, future.result()))
        return sorted(result, key=lambda each: each[0])
