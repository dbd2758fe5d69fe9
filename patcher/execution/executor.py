"""Executors run jobs: a job is one worker process and the steps it is asked for, in order.

`Executor` has four methods. The default runs worker processes on this machine; others register
under the entry point ``patcher.executors`` as ``factory(slots: int) -> Executor``. An executor
never repeats a step by itself: a silent retry would select which measurements are kept.
"""

from __future__ import annotations

import itertools
import selectors
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from patcher.errors import PatcherError
from patcher.execution.machine import Fingerprint, fingerprint, usable_processors
from patcher.execution.process import Answer, WorkerProcess, WorkerSite
from patcher.execution.results import Failure, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.execution.sandbox import Kernel


@dataclass(frozen=True)
class Step:
    """One request to a worker: ``op`` and its arguments as `patcher.worker.main` defines them."""

    op: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 300.0


@dataclass(frozen=True)
class Job:
    """A worker process and what it is asked for.

    The job ends with its last step, with a worker that died, and with an ``open`` that failed;
    the steps after that are not reported. An exception in any other step does not end it.

    Attributes:
        pair: jobs with the same word here are compared by the clock: they run on one host, whatever
            else is free, or not at all.
    """

    site: WorkerSite
    steps: tuple[Step, ...]
    pair: str = ""


@dataclass(frozen=True)
class Report:
    """News of a job.

    Attributes:
        job: the handle `Executor.submit` gave.
        step: index of the step in the job.
        wall_s: of the step, on the parent's clock; ``worker_wall_s`` on the worker's own.
        resident_mib: the worker's memory when the answer was there; 0 where nobody can tell.
        progress: a line about the running step; None when the step is over.
        last: nothing more will come of this job.
        disturbance: what disturbed the machine meanwhile, with the last report of a timed job that
            ran on another one; None where the caller reads its own machine.
    """

    job: int
    step: int
    outcome: Outcome = Outcome.OK
    value: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    wall_s: float = 0.0
    progress: str | None = None
    last: bool = False
    worker_wall_s: float = 0.0
    resident_mib: float = 0.0
    disturbance: str | None = None


class Executor(Protocol):
    """Where jobs run."""

    def slots(self) -> int:
        """How many jobs may run at once."""

    def submit(self, job: Job) -> int:
        """Take a job; it starts when a slot is free, in the order of submission."""

    def wait(self, timeout_s: float | None = None) -> list[Report]:
        """News since the last call; blocks until there is some, or for ``timeout_s``.

        An empty list means that the time is over or that no job is left.
        """

    def cancel(self, job: int) -> None:
        """End a job; nothing more is reported of it."""


@runtime_checkable
class Elsewhere(Protocol):
    """An executor whose jobs run on other machines, with guards and clocks of their own."""

    def kernels(self) -> Sequence[Kernel]:
        """What the kernel of each of them can keep a worker from."""

    def machine(self) -> Mapping[str, Any]:
        """Facts of the machine that pairs are timed on."""

    def timing_slots(self) -> int:
        """How many jobs can be timed at once, each on a machine or a device of its own."""


def fingerprint_of(executor: Executor, extra: Mapping[str, Any]) -> Fingerprint:
    """The machine that jobs are timed on, with further facts."""
    if isinstance(executor, Elsewhere):
        return Fingerprint({**executor.machine(), **extra})
    return fingerprint(extra)


def timing_slots(executor: Executor) -> int:
    """How many jobs can be timed at once; on this machine one."""
    return executor.timing_slots() if isinstance(executor, Elsewhere) else 1


def processors_of(executor: Executor) -> int:
    """The processors that a timed job can have."""
    if isinstance(executor, Elsewhere):
        return int(executor.machine()["processors"])
    return usable_processors()


@dataclass
class _Running:
    job: Job
    worker: WorkerProcess
    step: int = 0


class LocalExecutor:
    """Worker processes on this machine, ``slots`` at a time."""

    def __init__(self, slots: int = 1) -> None:
        self._slots = slots
        self._handles = itertools.count()
        self._waiting: deque[tuple[int, Job]] = deque()
        self._running: dict[int, _Running] = {}
        self._expected: list[WorkerProcess] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._waiting.clear()
        for handle in [*self._running]:
            self.cancel(handle)
        self.expect_no_more()
        self._selector.close()

    def expect(self, site: WorkerSite) -> None:
        """Start the process of a job that is to come: it waits, and imports nothing of its tree."""
        if all(worker.site != site for worker in self._expected):
            self._expected.append(WorkerProcess(site))

    def expect_no_more(self) -> None:
        """End the processes whose jobs did not come."""
        while self._expected:
            self._expected.pop().close()

    def _worker(self, site: WorkerSite) -> WorkerProcess:
        for worker in self._expected:
            if worker.site == site:
                self._expected.remove(worker)
                return worker
        return WorkerProcess(site)

    def slots(self) -> int:
        return self._slots

    def submit(self, job: Job) -> int:
        handle = next(self._handles)
        self._waiting.append((handle, job))
        self._fill()
        return handle

    def wait(self, timeout_s: float | None = None) -> list[Report]:
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        reports: list[Report] = []
        while not reports and self._running:
            now_s = time.monotonic()
            deadlines = [each.worker.deadline_s for each in self._running.values()]
            times = [when for when in (*deadlines, until_s) if when is not None]
            pause = max(0.0, min(times) - now_s) if times else None
            for key, _ in self._selector.select(pause):
                reports += self._receive(key.data)
            now_s = time.monotonic()
            for running in self._running.values():
                if running.worker.deadline_s is not None and now_s >= running.worker.deadline_s:
                    running.worker.expire()
            if until_s is not None and now_s >= until_s:
                break
        return reports

    def cancel(self, job: int) -> None:
        self._waiting = deque(each for each in self._waiting if each[0] != job)
        if job in self._running:
            self._end(job)
        self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self._slots:
            handle, job = self._waiting.popleft()
            running = _Running(job, self._worker(job.site))
            self._running[handle] = running
            self._selector.register(running.worker, selectors.EVENT_READ, handle)
            self._ask(running)

    def _ask(self, running: _Running) -> None:
        step = running.job.steps[running.step]
        running.worker.ask(step.op, step.arguments, step.timeout_s)

    def _receive(self, handle: int) -> list[Report]:
        running = self._running[handle]
        reports = []
        for news in running.worker.receive():
            if isinstance(news, str):
                reports.append(Report(handle, running.step, progress=news))
                continue
            over = self._over(running, news)
            reports.append(
                Report(
                    handle,
                    running.step,
                    news.outcome,
                    news.value,
                    news.failure,
                    news.wall_s,
                    last=over,
                    worker_wall_s=news.worker_wall_s,
                    resident_mib=news.resident_mib,
                )
            )
            if over:
                self._end(handle)
                self._fill()
                break
            running.step += 1
            self._ask(running)
        return reports

    @staticmethod
    def _over(running: _Running, answer: Answer) -> bool:
        if not answer.alive or running.step + 1 == len(running.job.steps):
            return True
        opening = running.job.steps[running.step].op == "open"
        return opening and (answer.failure is not None or "not_applicable" in answer.value)

    def _end(self, handle: int) -> None:
        running = self._running.pop(handle)
        self._selector.unregister(running.worker)
        running.worker.close()


def find_executor(name: str, slots: int) -> Executor:
    """The executor of that name: ``local``, or one of the entry point ``patcher.executors``.

    Raises:
        PatcherError: ``usage`` when there is none of that name.
    """
    if name == "local":
        return LocalExecutor(slots)
    from importlib.metadata import entry_points

    result = {point.name: point for point in entry_points(group="patcher.executors")}
    if name not in result:
        known = ", ".join(["local", *sorted(result)])
        raise PatcherError("usage", f"no executor {name!r}", hint=f"installed: {known}")
    factory: Callable[[int], Executor] = result[name].load()
    return factory(slots)
