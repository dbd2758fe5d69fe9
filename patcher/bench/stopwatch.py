"""Times one process of one arm through an executor: open, warm up, time, model after model."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.bench.collect import Purpose, collect
from patcher.execution import machine as host
from patcher.execution.executor import Executor, Job, Report, Step
from patcher.execution.results import Arm, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.bench.inputs import TimedCase, TimedModel
    from patcher.bench.records import ProcessTiming
    from patcher.execution.process import WorkerSite

ECHOES = 3  # the least of them is what the way costs; the others met a neighbour


@dataclass(frozen=True)
class Workload:
    """What every timing process does, the same in both arms.

    Attributes:
        models: each model with its cases and their inputs, in order.
        recorded: the baseline's stages by case, as `patcher.worker.main` describes them;
            replayed and timed once a case, so that both arms do the same work.
        timeout_s: of one call.
        component_repeats: measured calls of each part of the first model that the session can
            run alone; 0 leaves the parts out.
    """

    models: Sequence[TimedModel]
    recorded: Mapping[Case, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    timeout_s: float = 300.0
    component_repeats: int = 3

    @property
    def cases(self) -> list[Case]:
        return [
            Case(each.model.name, case.test.name) for each in self.models for case in each.cases
        ]


class ExecutorStopwatch:
    """A `bench.Stopwatch` on worker processes.

    Args:
        sites: where each arm runs; ``deterministic`` must be False in both.
    """

    def __init__(
        self, executor: Executor, sites: Mapping[Arm, WorkerSite], workload: Workload
    ) -> None:
        self.executor = executor
        self.sites = sites
        self.workload = workload
        # Sessions know their parts: the first process tells, later ones time them.
        self.components: tuple[str, ...] | None = None if workload.component_repeats else ()
        self.gpus = any(site.device in ("auto", "cuda") for site in sites.values())

    def on(self, executor: Executor) -> ExecutorStopwatch:
        """The same stopwatch on another executor, or on another view of this one's."""
        result = ExecutorStopwatch(executor, self.sites, self.workload)
        result.components = self.components
        return result

    def __call__(self, arm: Arm, patience: float = 1.0, *, pair: str = "") -> ProcessTiming:
        """Run one process to its end; the first failure ends it and is in the result.

        Args:
            patience: how many times the usual limit a call may take.
            pair: see `patcher.execution.executor.Job`.
        """
        planned = [*self._steps(patience)]
        before = host.read(gpu=self.gpus)
        began = time.monotonic()
        handle = self.executor.submit(
            Job(self.sites[arm], tuple(step for step, _ in planned), pair)
        )
        answers: list[tuple[Purpose, Report]] = []
        ready_s = 0.0
        last = False
        while not last:
            for report in self.executor.wait():
                if report.job != handle or report.progress is not None:
                    continue
                if not answers:
                    ready_s = time.monotonic() - began
                purpose = planned[report.step][1]
                answers.append((purpose, report))
                if purpose.kind == "components":
                    self.components = tuple(report.value.get("components", ()))
                last = report.last or (report.failure is not None and not purpose.extra)
                if last:
                    break
        self.executor.cancel(handle)
        after = host.read(gpu=self.gpus)
        disturbance = answers[-1][1].disturbance
        if disturbance is None:
            disturbance = host.disturbance(before, after, host.usable_processors())
        timing = collect(arm, answers, ready_s, disturbance)
        purpose, report = answers[-1]
        if not timing.failure and report.step + 1 < len(planned):
            why = report.failure.text if report.failure else "the job ended early"
            failure = f"{purpose.model}, {purpose.kind}: {why}"
            return replace(timing, failure=failure, outcome=report.outcome)
        return timing

    def _steps(self, patience: float) -> Iterator[tuple[Step, Purpose]]:
        work = self.workload
        limit_s = patience * work.timeout_s
        for number, timed in enumerate(work.models):
            name = timed.model.name
            # The first opening imports the target, which may take longer than a call.
            opening = Step("open", {"model": asdict(timed.model), "seed": 0}, limit_s + 300)
            yield opening, Purpose("open", name)
            tests = [each for case in timed.cases for each in case.inputs]
            request = {"tests": [asdict(each) for each in tests]}
            names = tuple(each.name for each in tests)
            yield Step("prepare", request, limit_s), Purpose("prepare", name, inputs=names)
            for case in timed.cases:
                yield from self._case_steps(name, case, limit_s, last=case is timed.cases[-1])
            if number == 0:
                yield from self._component_steps(name, limit_s)

    def _case_steps(
        self, model: str, case: TimedCase, limit_s: float, *, last: bool
    ) -> Iterator[tuple[Step, Purpose]]:
        def asked(kind: str) -> Purpose:
            return Purpose(kind, model, case.test.name, fresh=case.fresh)

        def batch(tests: Sequence[Any]) -> Step:
            requests = [asdict(each) for each in tests]
            return Step("batch", {"tests": requests}, len(tests) * limit_s)

        probe = Step("probe", {}, limit_s)
        for each in case.warm:
            yield batch([each]), asked("cold")
        for tests in case.batches:
            yield probe, asked("probe")
            yield batch(tests), replace(asked("warm"), inputs=tuple(each.name for each in tests))
            yield probe, asked("probe")
        for _ in range(ECHOES):
            yield Step("echo", {}, limit_s), asked("echo")
        if last:
            # One case of a model is enough to see whether answers are kept. The last comes first:
            # what keeps one answer keeps that one.
            again = case.batches[-1][::-1]
            names = tuple(f"{each.name}, again" for each in again)
            yield batch(again), replace(asked("again"), inputs=names)
        recorded = self.workload.recorded.get(Case(model, case.test.name))
        if recorded:
            request = {
                "test": asdict(case.test),
                "recorded": {stage["name"]: stage for stage in recorded},
            }
            yield Step("replay", request, 3 * limit_s), asked("replay")

    def _component_steps(self, model: str, limit_s: float) -> Iterator[tuple[Step, Purpose]]:
        if self.components is None:
            yield Step("components", {}, limit_s), Purpose("components", model)
        for part in self.components or ():
            repeats = self.workload.component_repeats
            request = {"name": part, "seed": 0, "warm": 1, "repeats": repeats}
            yield Step("component", request, 3 * limit_s), Purpose("component", model, part)
