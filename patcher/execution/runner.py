"""Runs cases on both arms: which worker does what, in which order, and what came of it.

One worker process an arm and model. Baselines go first, so that the time a patched case may take
is known when it starts. A worker that crashed or hung costs its case; a fresh one goes on with the
rest. After one hang the rest of its batch runs last.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from patcher.execution.executor import Executor, Job, Report, Step
from patcher.execution.results import Arm, Case, CaseResult, Measure, Outcome, stage_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from patcher.execution.process import Site
    from patcher.targets.adapter import Model, Test

OPEN_TIMEOUT_S = 600.0  # the first import of a large framework from a slow disk
CASE_TIMEOUT_S = 600.0  # where there is no baseline to go by
LEAST_TIMEOUT_S = 30.0
TIMES_BASELINE = 10.0

Results = dict[tuple[Arm, Case], CaseResult]


class Observer(Protocol):
    """Follows a verification; all methods are calls in the thread that judges."""

    def planned(self, cases: tuple[Case, ...], weights: str) -> None:
        """The matrix, before anything runs."""

    def began(self, arm: Arm, case: Case, purpose: str) -> None:
        """A worker starts on a case; ``purpose``: ``run``, ``control``, ``retry``, ``trace``."""

    def finished(self, result: CaseResult, purpose: str) -> None:
        """A case has its result."""

    def said(self, text: str) -> None:
        """A line of progress."""


class Silent:
    """An `Observer` that does nothing."""

    def planned(self, cases: tuple[Case, ...], weights: str) -> None: ...

    def began(self, arm: Arm, case: Case, purpose: str) -> None: ...

    def finished(self, result: CaseResult, purpose: str) -> None: ...

    def said(self, text: str) -> None: ...


@dataclass(frozen=True)
class Batch:
    """Tests of one model on one arm, for one worker."""

    arm: Arm
    model: Model
    tests: tuple[Test, ...]
    purpose: str = "run"

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(Case(self.model.name, test.name) for test in self.tests)


@dataclass
class _Flight:
    batch: Batch
    facts: Mapping[str, Any] = field(default_factory=dict)


class Runner:
    """Runs batches through an executor.

    Args:
        sites: where each arm runs.
        observer: told of every case as it begins and ends.
        keep: called with every result of a first run the moment it exists.
        timeout_s: for one case; None for ten times its baseline, at least 30 s.
    """

    def __init__(
        self,
        executor: Executor,
        sites: Mapping[Arm, Site],
        observer: Observer,
        *,
        keep: Callable[[CaseResult], None] = lambda _: None,
        timeout_s: float | None = None,
    ) -> None:
        self.executor = executor
        self.sites = sites
        self.observer = observer
        self.keep = keep
        self.timeout_s = timeout_s
        self.case_s: dict[Case, float] = {}  # what the baseline took
        self.open_s: dict[str, float] = {}  # by model

    def run(
        self,
        batches: Iterable[Batch],
        *,
        admit: Callable[[Arm, Case], bool] = lambda arm, case: True,
        on_result: Callable[[CaseResult], bool] = lambda result: False,
    ) -> Results:
        """Run all batches.

        Args:
            admit: asked of every case when its worker is about to start; False leaves it out.
            on_result: sees every result; True ends the run, leaving the other cases out.
        """
        waiting = deque(batches)
        flights: dict[int, _Flight] = {}
        results: Results = {}
        while waiting or flights:
            self._launch(waiting, flights, admit)
            for report in self.executor.wait():
                for result in self._read(report, flights, waiting):
                    results[result.arm, result.case] = result
                    self.learn([result])
                    purpose = flights[report.job].batch.purpose
                    if purpose == "run":
                        self.keep(result)
                    self.observer.finished(result, purpose)
                    self._announce(report, flights[report.job].batch)
                    if on_result(result):
                        for handle in flights:
                            self.executor.cancel(handle)
                        return results
                if report.last:
                    del flights[report.job]
        return results

    def _launch(
        self,
        waiting: deque[Batch],
        flights: dict[int, _Flight],
        admit: Callable[[Arm, Case], bool],
    ) -> None:
        """Fill the slots; a patched batch waits for its baseline while that time is unknown."""
        for batch in [*waiting]:
            if len(flights) >= self.executor.slots():
                return
            others = [*(flight.batch for flight in flights.values()), *waiting]
            if batch.arm is Arm.PATCHED and any(
                other.arm is Arm.BASELINE and case in other.cases
                for other in others
                for case in batch.cases
                if case not in self.case_s
            ):
                continue
            waiting.remove(batch)
            tests = tuple(
                test
                for test, case in zip(batch.tests, batch.cases, strict=True)
                if admit(batch.arm, case)
            )
            if not tests:
                continue
            admitted = replace(batch, tests=tests)
            flights[self.executor.submit(self._job(admitted))] = _Flight(admitted)
            self.observer.began(batch.arm, admitted.cases[0], batch.purpose)

    def _job(self, batch: Batch) -> Job:
        site = self.sites[batch.arm]
        opening = {"model": asdict(batch.model), "seed": 0}
        steps = [Step("open", opening, self.open_timeout_s(batch.model.name))]
        for test, case in zip(batch.tests, batch.cases, strict=True):
            request = {"test": asdict(test), "capture": True}
            steps.append(Step("run", request, self.case_timeout_s(case)))
        return Job(site, tuple(steps))

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
        return max(2 * LEAST_TIMEOUT_S, TIMES_BASELINE * self.open_s[model])

    def learn(self, results: Iterable[CaseResult]) -> None:
        """Take the times of baselines: patched cases are timed out by them."""
        for result in results:
            if result.arm is Arm.BASELINE and result.ok:
                self.case_s[result.case] = result.facts.get("run_s", 0.0)
                self.open_s[result.case.model] = result.facts.get("open_s", 0.0)

    def _read(
        self, report: Report, flights: Mapping[int, _Flight], waiting: deque[Batch]
    ) -> list[CaseResult]:
        flight = flights[report.job]
        batch = flight.batch
        if report.said is not None:
            self.observer.said(report.said)
            return []
        if report.step == 0:
            if report.failure is None and "not_applicable" not in report.value:
                flight.facts = {**report.value["facts"], "open_s": report.wall_s}
                return []
            # The model cannot be opened: that is the result of each of its cases.
            return [case_result(batch.arm, case, report, {}) for case in batch.cases]
        case = batch.cases[report.step - 1]
        found = case_result(batch.arm, case, report, {**flight.facts, "run_s": report.wall_s})
        rest = batch.tests[report.step :]
        if report.last and rest:
            # The rest goes to a fresh worker: now, or last of all when this one hung.
            again = replace(batch, tests=rest)
            if report.outcome is Outcome.TIMEOUT:
                waiting.append(again)
            else:
                waiting.appendleft(again)
        return [found]

    def replay(
        self,
        arm: Arm,
        batch: Batch,
        recorded: Mapping[Case, CaseResult],
        *,
        exact: bool = False,
    ) -> Results:
        """Replay the batch's cases from the baseline's ``recorded`` stages, in a fresh worker.

        Args:
            exact: in double precision, which takes a multiple of the time.
        """
        opening = {"model": asdict(batch.model), "seed": 0}
        steps = [Step("open", opening, self.open_timeout_s(batch.model.name))]
        for test, case in zip(batch.tests, batch.cases, strict=True):
            stages = {stage.name: asdict(stage) for stage in recorded[case].stages}
            request = {"test": asdict(test), "recorded": stages, "exact": exact}
            timeout_s = (10 if exact else 2) * self.case_timeout_s(case)
            steps.append(Step("replay", request, timeout_s))
        results: Results = {}
        for report in run_job(self.executor, Job(self.sites[arm], tuple(steps)), self.observer):
            # What ended the job early is the result of everything that was still to come.
            first = max(report.step - 1, 0)
            cases = batch.cases[first:] if report.last else batch.cases[first : report.step]
            results.update({(arm, case): case_result(arm, case, report, {}) for case in cases})
        return results

    def _announce(self, report: Report, batch: Batch) -> None:
        """Say which case the worker is on now."""
        if not report.last and report.step < len(batch.cases):
            self.observer.began(batch.arm, batch.cases[report.step], batch.purpose)

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
            if report.said is not None:
                observer.said(report.said)
            elif report.job == handle:
                reports.append(report)
    return reports


def case_result(arm: Arm, case: Case, report: Report, facts: Mapping[str, Any]) -> CaseResult:
    """A worker's answer to ``open`` or ``run`` as the result of a case."""
    if report.failure is not None:
        return CaseResult(case, arm, report.outcome, report.failure, facts=facts)
    value = report.value
    if "not_applicable" in value:
        return CaseResult(
            case, arm, Outcome.OK, not_applicable=value["not_applicable"], facts=facts
        )
    expected = value["expected_s"]
    return CaseResult(
        case,
        arm,
        Outcome.OK,
        stages=tuple(stage_from(stage) for stage in value["stages"]),
        returned=tuple(stage_from(stage) for stage in value.get("returned", ())),
        asked=value.get("asked", {}),
        measure=Measure(
            value["wall_s"],
            value["audio_s"],
            value["tokens"],
            value["stage_s"],
            value["memory_mib"],
        ),
        sample_rate=value["sample_rate"],
        expected_s=(expected[0], expected[1]) if expected else None,
        facts=facts,
    )
