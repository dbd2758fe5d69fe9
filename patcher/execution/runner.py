"""Runs cases on both arms: which worker does what, in which order, and what came of it.

A worker takes models one after the other, for a large framework takes longer to import than a small
model to run. A patched case follows its baseline, in both arms after the same calls: the time it
may take is then known. A worker that crashed or hung costs its case; a fresh one goes on with the
rest, after a hang last of all.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

from patcher.execution.executor import Executor, Extensible, Job, Report, Step
from patcher.execution.flights import LOOKS, Ask, Batch, Flight, Queue, Unit
from patcher.execution.results import Arm, Case, CaseResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from patcher.execution.process import WorkerSite
    from patcher.targets.adapter import Model

OPEN_TIMEOUT_S = 600.0  # the first import of a large framework from a slow disk
CASE_TIMEOUT_S = 600.0  # where there is no baseline to go by
LEAST_TIMEOUT_S = 30.0
LOOK_TIMEOUT_S = 120.0  # for an answer that runs nothing of the target
TIMES_BASELINE = 10.0

Results = dict[tuple[Arm, Case], CaseResult]


class Observer(Protocol):
    """Follows a verification; all methods are calls in the thread that judges."""

    def planned(self, cases: tuple[Case, ...], weights: str) -> None:
        """The matrix, before anything runs."""

    def began(self, arm: Arm, case: Case, purpose: str) -> None:
        """A worker starts on a case; ``purpose``: ``run``, ``further`` (a call
        beyond the matrix), ``control``, ``retry``, ``replay``, ``trace``."""

    def finished(self, result: CaseResult, purpose: str) -> None:
        """A case has its result."""

    def message(self, text: str) -> None:
        """A line of progress."""


class Silent:
    """An `Observer` that does nothing."""

    def planned(self, cases: tuple[Case, ...], weights: str) -> None: ...

    def began(self, arm: Arm, case: Case, purpose: str) -> None: ...

    def finished(self, result: CaseResult, purpose: str) -> None: ...

    def message(self, text: str) -> None: ...


@dataclass
class _Run:
    """One call of `Runner.run`.

    Attributes:
        waiting: queues that no worker is on yet.
        to_come: cases whose baseline will have a result and has none.
    """

    waiting: deque[Queue]
    admit: Callable[[Arm, Case], bool]
    flights: dict[int, Flight] = field(default_factory=dict)
    results: Results = field(default_factory=dict)
    to_come: set[Case] = field(default_factory=set)

    def take(self, result: CaseResult) -> None:
        self.results[result.arm, result.case] = result
        if result.arm is Arm.BASELINE:
            self.to_come.discard(result.case)

    def admitted(self, unit: Unit) -> bool:
        """Whether a unit is to run; what is left out has no result to wait for."""
        admitted = self.admit(unit.batch.arm, unit.case)
        if not admitted and unit.batch.arm is Arm.BASELINE:
            self.to_come.discard(unit.case)
        return admitted

    def unstarted(self) -> set[Case]:
        """Cases whose baseline has no worker yet."""
        units = (unit for queue in self.waiting for unit in queue.units)
        return {unit.case for unit in units if unit.batch.arm is Arm.BASELINE}


class Runner:
    """Runs batches through an executor.

    Args:
        sites: where each arm runs.
        observer: called with every case as it begins and ends.
        keep: called with every result of a first run the moment it exists.
        timeout_s: for one case; None for ten times its baseline, at least 30 s.
        following: where jobs will run that others submit once all batches are through.
    """

    def __init__(
        self,
        executor: Executor,
        sites: Mapping[Arm, WorkerSite],
        observer: Observer,
        *,
        keep: Callable[[CaseResult], None] = lambda _: None,
        timeout_s: float | None = None,
        following: Sequence[WorkerSite] = (),
    ) -> None:
        self.executor = executor
        self.sites = sites
        self.observer = observer
        self.keep = keep
        self.timeout_s = timeout_s
        self.following = following
        self.case_s: dict[Case, float] = {}  # what the baseline took
        self.open_s: dict[str, float] = {}  # by model

    def on(self, executor: Executor) -> Runner:
        """The same runner on another view of its executor; both know what calls take."""
        result = copy(self)
        result.executor = executor
        return result

    def run(
        self,
        batches: Iterable[Batch],
        *,
        admit: Callable[[Arm, Case], bool] = lambda arm, case: True,
        on_result: Callable[[CaseResult], bool] = lambda result: False,
    ) -> Results:
        """Run all batches.

        Args:
            admit: asked of every case when it could begin; False leaves it out.
            on_result: sees every result; True ends the run, leaving the other cases out.
        """
        run = _Run(deque(self._queues([*batches])), admit)
        run.to_come = run.unstarted()
        while run.waiting or run.flights:
            self._launch(run)
            self._feed(run)
            for report in self.executor.wait():
                flight = run.flights[report.job]
                if report.progress is not None:
                    self.observer.message(report.progress)
                    continue
                ask = flight.asks[report.step]
                for result in self._read(report, flight, run):
                    run.take(result)
                    if ask.batch.purpose == "run":
                        self.keep(result)
                    if ask.op == "results":
                        continue  # known already: its returned value was read once more
                    self.learn([result])
                    self.observer.finished(result, ask.batch.purpose_of(result.case))
                    if on_result(result):
                        for handle in run.flights:
                            self.executor.cancel(handle)
                        return run.results
                self._announce(flight)
                if report.last:
                    del run.flights[report.job]
            self._hurry(run)
        return run.results

    def _queues(self, batches: Sequence[Batch]) -> list[Queue]:
        """Who takes what, baselines first; what is repeated has a fresh worker for each batch."""
        first = [batch for batch in batches if batch.purpose == "run"]
        alone = [Queue.of([batch], patient=True) for batch in batches if batch.purpose != "run"]
        if not isinstance(self.executor, Extensible):
            return [Queue.of([batch], patient=True) for batch in first] + alone
        arms = [[batch for batch in first if batch.arm is arm] for arm in Arm]
        count = max(1, self.executor.slots() // max(1, sum(map(bool, arms))))
        parts = [each[at::count] for each in arms for at in range(count)]
        if arms[-1]:
            for site in self.following:
                self.executor.expect(site)
        return [Queue.of(part, patient=False) for part in parts if part] + alone

    def _launch(self, run: _Run) -> None:
        """Fill the slots."""
        for queue in [*run.waiting]:
            if len(run.flights) >= self.executor.slots():
                return
            behind = self._behind(queue.units, run)
            # Who waits for a worker that has no slot yet must not take it.
            if behind and (queue.patient or run.unstarted() & {each.case for each in queue.units}):
                continue
            run.waiting.remove(queue)
            units = list(queue.units)
            if not behind:
                units = [unit for unit in units if run.admitted(unit)]
            if units:
                self._start(Flight(units, [*units]), run)

    def _behind(self, units: Sequence[Unit], run: _Run) -> bool:
        """Whether some unit waits: most often the last one does."""
        return any(self._waits(unit, run) for unit in reversed(units))

    def _waits(self, unit: Unit, run: _Run) -> bool:
        """Whether what a unit's baseline takes is not known, and will be."""
        known = unit.batch.arm is Arm.BASELINE or unit.case in self.case_s
        return not known and unit.case in run.to_come

    def _start(self, flight: Flight, run: _Run) -> None:
        first = flight.ahead[0]
        steps = [self._opening(first.batch, flight), *self._next_steps(flight, run)]
        job = Job(self.sites[first.batch.arm], tuple(steps), more=bool(flight.ahead))
        run.flights[self.executor.submit(job)] = flight
        self.observer.began(first.batch.arm, first.case, first.batch.purpose_of(first.case))

    def _feed(self, run: _Run) -> None:
        """Give workers that wait for the baseline what can begin by now."""
        moving = False
        for handle, flight in run.flights.items():
            idle = flight.now is None
            if flight.ahead and (steps := self._next_steps(flight, run)):
                assert isinstance(self.executor, Extensible)
                self.executor.extend(handle, steps, more=bool(flight.ahead))
                if idle:
                    self._announce(flight)
            moving = moving or flight.now is not None
        if run.flights and not moving:
            raise RuntimeError("every worker waits for another one")

    def _next_steps(self, flight: Flight, run: _Run) -> list[Step]:
        """The steps of all units that can begin, and of what stands between batches."""
        steps: list[Step] = []
        while flight.ahead and not self._waits(flight.ahead[0], run):
            unit = flight.ahead.pop(0)
            if run.admitted(unit):
                steps += self._steps_of(unit, flight)
            else:
                flight.left.remove(unit)
            following = flight.ahead[0].batch if flight.ahead else None
            if following is not unit.batch:
                flight.asks.append(Ask("results", unit.batch))
                steps.append(Step("results", {}, LOOK_TIMEOUT_S))
                steps += [self._opening(following, flight)] if following else []
        return steps

    def _opening(self, batch: Batch, flight: Flight) -> Step:
        flight.asks.append(Ask("open", batch))
        opening = {"model": asdict(batch.model), "seed": 0}
        return Step("open", opening, self.open_timeout_s(batch.model.name))

    def _steps_of(self, unit: Unit, flight: Flight) -> list[Step]:
        """Prepare, run and look around."""
        flight.asks += [Ask(op, unit.batch, unit) for op in ("prepare", "run", *LOOKS)]
        timeout_s, request = self.case_timeout_s(unit.case), asdict(unit.test)
        return [
            Step("prepare", {"tests": [request]}, max(timeout_s, LEAST_TIMEOUT_S)),
            Step("run", {"test": request}, timeout_s),
            *(Step(op, {}, LOOK_TIMEOUT_S) for op in LOOKS),
        ]

    def case_timeout_s(self, case: Case) -> float:
        """What one run of ``case`` may take."""
        if self.timeout_s is not None:
            return self.timeout_s
        if case not in self.case_s:
            return CASE_TIMEOUT_S
        return max(LEAST_TIMEOUT_S, TIMES_BASELINE * self.case_s[case])

    def open_timeout_s(self, model: str) -> float:
        """What loading ``model`` may take, imports included."""
        if model not in self.open_s:
            return OPEN_TIMEOUT_S
        # Another worker may have opened it after its imports.
        return max(2 * LEAST_TIMEOUT_S, TIMES_BASELINE * max(self.open_s.values()))

    def learn(self, results: Iterable[CaseResult]) -> None:
        """Take the times of baselines: patched cases are timed out by them."""
        for result in results:
            if result.arm is Arm.BASELINE and result.ok:
                self.case_s[result.case] = result.facts.get("run_s", 0.0)
                self.open_s[result.case.model] = result.facts.get("open_s", 0.0)

    def _read(self, report: Report, flight: Flight, run: _Run) -> list[CaseResult]:
        """The results that a report completes; what a worker left over goes to a fresh one."""
        ask = flight.asks[report.step]
        left = flight.left
        results = flight.read(report)
        behind: list[Unit] = []
        if ask.op == "open" and results:
            # A model that cannot be opened says nothing where its baseline may not open it either.
            behind = [each for each in left if each.batch is ask.batch and self._waits(each, run)]
            flight.left[:0] = behind
            unknown = {unit.case for unit in behind}
            results = [
                result
                for result in results
                if result.case not in unknown and run.admit(result.arm, result.case)
            ]
        elif ask.op == "open" and ask.batch.arm is Arm.BASELINE:
            self.open_s[ask.batch.model.name] = report.wall_s
        if report.last and flight.left:
            rest = Queue(tuple(flight.left), patient=bool(behind))
            flight.left = []
            if report.outcome is Outcome.TIMEOUT:
                run.waiting.append(rest)
            else:
                run.waiting.appendleft(rest)
        return results

    def _hurry(self, run: _Run) -> None:
        """Time out loads that began before the baseline's was known."""
        for handle, flight in run.flights.items():
            ask = flight.now
            if ask is None or ask.op != "open" or ask.batch.arm is Arm.BASELINE:
                continue
            model = ask.batch.model.name
            if model in self.open_s and isinstance(self.executor, Extensible):
                self.executor.hurry(handle, self.open_timeout_s(model))

    def _announce(self, flight: Flight) -> None:
        """Say which case the worker is on now."""
        ask = flight.now
        if ask is not None and ask.unit is not None and ask.op == "prepare":
            case = ask.unit.case
            self.observer.began(ask.batch.arm, case, ask.batch.purpose_of(case))

    def ask(self, arm: Arm, model: Model, step: Step) -> Report:
        """Open a model in a fresh worker and ask it one more thing; the last answer's report."""
        opening = {"model": asdict(model), "seed": 0}
        steps = (Step("open", opening, self.open_timeout_s(model.name)), step)
        return run_job(self.executor, Job(self.sites[arm], steps), self.observer)[-1]


def run_job(executor: Executor, job: Job, observer: Observer) -> list[Report]:
    """Run one job alone; the reports of its steps."""
    handle = executor.submit(job)
    reports: list[Report] = []
    while not (reports and reports[-1].last):
        for report in executor.wait():
            if report.progress is not None:
                observer.message(report.progress)
            elif report.job == handle:
                reports.append(report)
    return reports
