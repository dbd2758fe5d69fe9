"""One executor for several threads: each has a view of its own, and hears of its own jobs alone."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from patcher.execution.executor import Executor, Job, Report

PAUSE_S = 0.1  # how long one thread listens for all of them


class SharedExecutor:
    """Makes the views; only one of them speaks to the executor at a time."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.lock = threading.Lock()
        self.news: dict[int, deque[Report]] = {}  # by handle, for whoever submitted the job
        self.stopped = False

    def view(self) -> View:
        """An executor for one more thread."""
        return View(self)

    def stop(self) -> None:
        """End the jobs that threads wait for: a bench that is over needs no more answers."""
        self.stopped = True


class View:
    """An `Executor` that knows the jobs it was given, and no others."""

    def __init__(self, shared: SharedExecutor) -> None:
        self._shared = shared
        self._own: set[int] = set()

    def slots(self) -> int:
        return 1

    def submit(self, job: Job) -> int:
        shared = self._shared
        with shared.lock:
            handle = shared.executor.submit(job)
            shared.news[handle] = deque()
        self._own.add(handle)
        return handle

    def wait(self, timeout_s: float | None = None) -> list[Report]:
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while self._own:
            if self._shared.stopped:
                for each in [*self._own]:
                    self.cancel(each)
                raise PatcherError("interrupted", "the bench was over")
            with self._shared.lock:
                result = self._heard() or self._listen()
            if result:
                return result
            if until_s is not None and time.monotonic() >= until_s:
                break
        return []

    def _listen(self) -> list[Report]:
        """Take what there is for all threads; this one's own share."""
        began_s = time.monotonic()
        reports = self._shared.executor.wait(PAUSE_S)
        for report in reports:
            if report.job in self._shared.news:
                self._shared.news[report.job].append(report)
        if not reports:  # nothing runs yet, or nothing happened
            time.sleep(max(0.0, PAUSE_S / 10 - (time.monotonic() - began_s)))
        return self._heard()

    def _heard(self) -> list[Report]:
        result = [report for each in self._own for report in self._shared.news[each]]
        for handle in {report.job for report in result}:
            self._shared.news[handle].clear()
        for report in result:
            if report.last:
                self._forget(report.job)
        return result

    def cancel(self, job: int) -> None:
        with self._shared.lock:
            self._shared.executor.cancel(job)
            self._forget(job)

    def _forget(self, job: int) -> None:
        self._own.discard(job)
        self._shared.news.pop(job, None)
