"""Runs cases on both arms: which worker does what, in which order, and what came of it.

One worker process an arm and model. Baselines go first, so that the time a patched case may take
is known when it starts. A worker that crashed or hung costs its case; a fresh one goes on with the
rest. After one hang the rest of its batch runs last.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from patcher.execution.executor import Executor, Job, LocalExecutor, Report, Step
from patcher.execution.results import Arm, Case, CaseResult, Measure, Outcome, stage_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from patcher.execution.process import WorkerSite
    from patcher.targets.adapter import Model, Test

OPEN_TIMEOUT_S = 600.0  # the first import of a large framework from a slow disk
CASE_TIMEOUT_S = 600.0  # where there is no baseline to go by
LEAST_TIMEOUT_S = 30.0
LOOK_TIMEOUT_S = 120.0  # for an answer that runs nothing of the target
LOOKS = ("stages", "state")  # what is asked for after every call
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


@dataclass(frozen=True)
class Batch:
    """Tests of one model on one arm, for one worker; ``further`` names those beyond the matrix."""

    arm: Arm
    model: Model
    tests: tuple[Test, ...]
    purpose: str = "run"
    further: frozenset[str] = frozenset()

    def purpose_of(self, case: Case) -> str:
        """What the observer is shown of a case."""
        return "further" if self.purpose == "run" and case.test in self.further else self.purpose

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(Case(self.model.name, test.name) for test in self.tests)


@dataclass(frozen=True)
class _Ask:
    """What one step of a job is for. ``case`` is None for a step that concerns all of them."""

    op: str
    case: Case | None = None


@dataclass
class _Flight:
    batch: Batch
    asks: tuple[_Ask, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)  # the state the present call began in
    result: CaseResult | None = None  # of the present call, its stages and state still to come
    done: dict[Case, CaseResult] = field(default_factory=dict)
    ran: dict[str, set[int]] = field(default_factory=dict)


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
        self.expected: set[Arm] = set()

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
                    known = (result.arm, result.case) in results
                    again = known and flights[report.job].asks[report.step].op == "results"
                    results[result.arm, result.case] = result
                    batch = flights[report.job].batch
                    if batch.purpose == "run":
                        self.keep(result)
                    if again:
                        continue  # known already: its returned value was read once more
                    self.learn([result])
                    self.observer.finished(result, batch.purpose_of(result.case))
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
                self._expect(batch.arm)
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
            job, asks = self._job(admitted)
            flights[self.executor.submit(job)] = _Flight(admitted, asks)
            first = admitted.cases[0]
            self.observer.began(batch.arm, first, batch.purpose_of(first))

    def _expect(self, arm: Arm) -> None:
        """Have the first worker of an arm, and what follows it, started while its baseline runs."""
        if arm not in self.expected and isinstance(self.executor, LocalExecutor):
            self.expected.add(arm)
            for site in (self.sites[arm], *self.following):
                self.executor.expect(site)

    def _job(self, batch: Batch) -> tuple[Job, tuple[_Ask, ...]]:
        """Open the model; prepare, run and look around for each test; look at all results again."""
        opening = {"model": asdict(batch.model), "seed": 0}
        steps = [Step("open", opening, self.open_timeout_s(batch.model.name))]
        asks = [_Ask("open")]
        for test, case in zip(batch.tests, batch.cases, strict=True):
            timeout_s = self.case_timeout_s(case)
            request = asdict(test)
            steps.append(Step("prepare", {"tests": [request]}, max(timeout_s, LEAST_TIMEOUT_S)))
            steps.append(Step("run", {"test": request}, timeout_s))
            steps += [Step(op, {}, LOOK_TIMEOUT_S) for op in LOOKS]
            asks += [_Ask(op, case) for op in ("prepare", "run", *LOOKS)]
        steps.append(Step("results", {}, LOOK_TIMEOUT_S))
        asks.append(_Ask("results"))
        return Job(self.sites[batch.arm], tuple(steps)), tuple(asks)

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
        """The results that a report completes."""
        flight = flights[report.job]
        batch = flight.batch
        if report.progress is not None:
            self.observer.message(report.progress)
            return []
        ask = flight.asks[report.step]
        for file, lines in report.value.get("ran", {}).items():
            flight.ran.setdefault(file, set()).update(lines)
        if ask.op == "open":
            if report.failure is None and "not_applicable" not in report.value:
                flight.facts = {**report.value["facts"], "open_s": report.wall_s}
                return []
            # The model cannot be opened: that is the result of each of its cases.
            return [case_result(batch.arm, case, report, {}) for case in batch.cases]
        if ask.case is None:
            return self._read_again(report, flight)
        result = self._advance(ask, ask.case, report, flight)
        if report.last:
            self._continue(report, batch, waiting)
        return result

    def _advance(self, ask: _Ask, case: Case, report: Report, flight: _Flight) -> list[CaseResult]:
        """One more answer about a case; its result when it was the last one."""
        arm = flight.batch.arm
        if ask.op == "prepare":
            flight.result, flight.before = None, report.value.get("state", {})
            if report.failure is not None or "not_applicable" in report.value:
                flight.result = case_result(arm, case, report, flight.facts)
        elif ask.op == "run" and flight.result is None:
            facts = {**flight.facts, "run_s": report.wall_s}
            flight.result = case_result(arm, case, report, facts)
        elif flight.result is not None and report.failure is not None:
            flight.result = case_result(arm, case, report, flight.facts)
        elif flight.result is not None and flight.result.ok:
            flight.result = looked(flight.result, report.value, flight.before)
        if ask.op != LOOKS[-1] and not report.last:
            return []
        result = flight.result or case_result(arm, case, report, flight.facts)
        ran = {file: tuple(sorted(lines)) for file, lines in flight.ran.items()}
        flight.ran.clear()
        result = replace(result, ran=ran)
        flight.done[case] = result
        return [result]

    @staticmethod
    def _continue(report: Report, batch: Batch, waiting: deque[Batch]) -> None:
        """The rest of a batch whose worker died goes to a fresh one; last of all after a hang."""
        rest = batch.tests[(report.step - 1) // (len(LOOKS) + 2) + 1 :]
        if not rest:
            return
        again = replace(batch, tests=rest)
        if report.outcome is Outcome.TIMEOUT:
            waiting.append(again)
        else:
            waiting.appendleft(again)

    def _read_again(self, report: Report, flight: _Flight) -> list[CaseResult]:
        """What earlier calls had returned, as it reads after all later ones.

        A worker holds the last results only: those before them have been looked at as well as can
        be. One that cannot answer leaves all of them unread, and says why.
        """
        unread = {case: result for case, result in flight.done.items() if result.unread}
        if report.failure is not None:
            why = report.failure.message or report.outcome.value
            return [replace(result, unreadable=why) for result in unread.values() if result.ok]
        read = {
            Case(flight.batch.model.name, name): report.value.get(f"result {at}", ())
            for at, name in enumerate(report.value.get("tests", ()))
        }
        return [
            replace(result, later=tuple(map(stage_from, read.get(case, ()))), unread=False)
            for case, result in unread.items()
            if result.ok
        ]

    def _announce(self, report: Report, batch: Batch) -> None:
        """Say which case the worker is on now."""
        at = report.step // (len(LOOKS) + 2)
        if not report.last and at < len(batch.cases):
            self.observer.began(batch.arm, batch.cases[at], batch.purpose_of(batch.cases[at]))

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


def looked(result: CaseResult, value: Mapping[str, Any], before: Mapping[str, str]) -> CaseResult:
    """A result with its stages, or with the state its call left behind."""
    if "state" not in value:
        return replace(result, stages=tuple(stage_from(stage) for stage in value["stages"]))
    state = value["state"]
    changed = {name for name in before if before[name] != state.get(name)} | (
        set(state) - {*before}
    )
    return replace(result, state=state, changed=tuple(sorted(changed)))


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
        stages=tuple(stage_from(stage) for stage in value.get("stages", ())),
        returned=tuple(stage_from(stage) for stage in value.get("returned", ())),
        asked=value.get("asked", {}),
        unread=value.get("unread", False),
        measure=Measure(
            value["wall_s"],
            value["audio_s"],
            value["tokens"],
            value["stage_s"],
            value["memory_mib"],
        ),
        sample_rate=value["sample_rate"],
        expected_s=(expected[0], expected[1]) if expected else None,
        called_with=value.get("called_with", ""),
        facts=facts,
    )
