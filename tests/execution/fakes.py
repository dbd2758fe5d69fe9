"""An executor without processes: steps take declared seconds of a clock of its own."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from patcher.execution.executor import Job, Report
from patcher.execution.results import Arm, Failure, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE: dict[str, Any] = {
    "stages": [],
    "wall_s": 1.0,
    "sample_rate": None,
    "audio_s": None,
    "tokens": None,
    "expected_s": None,
    "stage_s": {},
    "memory_mib": None,
}


@dataclass
class FakeExecutor:
    """Runs jobs in virtual time.

    Attributes:
        outcome: what one step of a job comes to; OK for all by default.
        seconds: what one step takes.
        log: ``(virtual second, "start" or "end", arm, model, tests)`` of every job.
    """

    count: int = 2
    outcome: Callable[[str, str, str], Outcome] = lambda arm, model, test: Outcome.OK
    seconds: Callable[[str, str, str], float] = lambda arm, model, test: 1.0
    now: float = 0.0
    log: list[tuple[float, str, str, str, tuple[str, ...]]] = field(default_factory=list)
    timeouts: dict[tuple[str, str, str], float] = field(default_factory=dict)
    cancelled: list[int] = field(default_factory=list)
    _jobs: dict[int, tuple[Job, int]] = field(default_factory=dict)
    _due: list[tuple[float, int]] = field(default_factory=list)
    _waiting: deque[int] = field(default_factory=deque)
    _running: set[int] = field(default_factory=set)

    def slots(self) -> int:
        return self.count

    def submit(self, job: Job) -> int:
        handle = len(self._jobs)
        self._jobs[handle] = (job, 0)
        self._waiting.append(handle)
        self._fill()
        return handle

    def cancel(self, job: int) -> None:
        self.cancelled.append(job)
        self._running.discard(job)
        self._due = [each for each in self._due if each[1] != job]

    def wait(self, timeout_s: float | None = None) -> list[Report]:
        if not self._due:
            return []
        self.now, handle = heapq.heappop(self._due)
        job, index = self._jobs[handle]
        arm, model, test = names(job, index)
        looks = job.steps[index].op not in ("open", "run")
        outcome = Outcome.OK if looks else self.outcome(arm, model, test)
        failure = None if outcome is Outcome.OK else Failure("exception", message=f"{test} fails")
        dead = outcome not in (Outcome.OK, Outcome.EXCEPTION) or (failure and not index)
        last = bool(dead) or index + 1 == len(job.steps)
        value = {} if failure else ({"facts": {}} if index == 0 else VALUE)
        wall_s = self._seconds(job, index)
        if last:
            self._running.discard(handle)
            self.log.append((self.now, "end", arm, model, ()))
            self._fill()
        else:
            self._jobs[handle] = (job, index + 1)
            self._schedule(handle)
        return [Report(handle, index, outcome, value, failure, wall_s, last=last)]

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.count:
            handle = self._waiting.popleft()
            self._running.add(handle)
            job, _ = self._jobs[handle]
            arm, model, _ = names(job, 0)
            runs = {index: step for index, step in enumerate(job.steps) if step.op == "run"}
            tests = tuple(step.arguments["test"]["name"] for step in runs.values())
            self.log.append((self.now, "start", arm, model, tests))
            for index, step in runs.items():
                self.timeouts[names(job, index)] = step.timeout_s
            self._schedule(handle)

    def _schedule(self, handle: int) -> None:
        due = self.now + self._seconds(*self._jobs[handle])
        heapq.heappush(self._due, (due, handle))

    def _seconds(self, job: Job, index: int) -> float:
        """What a step takes; looking at what a run left takes nothing."""
        looks = job.steps[index].op not in ("open", "run")
        return 0.0 if looks else self.seconds(*names(job, index))

    @property
    def starts(self) -> list[tuple[str, str]]:
        """Arm and model of every job in the order they started."""
        return [(arm, model) for _, what, arm, model, _ in self.log if what == "start"]


def names(job: Job, index: int) -> tuple[str, str, str]:
    """Arm, model and test of one step; the test of ``open`` is empty."""
    arm = Arm(job.site.tree.sha256).value
    model = job.steps[0].arguments["model"]["name"]
    test = job.steps[index].arguments.get("test", {}).get("name", "")
    return arm, model, test
