"""Times one process of one arm through an executor: open, warm up, time, model after model."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from patcher.bench.records import CaseTiming, ProcessTiming
from patcher.execution import machine as host
from patcher.execution.executor import Executor, Job, Report, Step
from patcher.execution.results import Arm, Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.bench.speed import BenchPlan
    from patcher.execution.process import Site
    from patcher.targets.adapter import Model, Test


@dataclass(frozen=True)
class Workload:
    """What every timing process does, the same in both arms.

    Attributes:
        models: each model with the tests to time on it, in order.
        recorded: the baseline's stages by case, as `patcher.worker.main` describes them;
            replayed and timed once a case, so that both arms do the same work.
        timeout_s: of one generation.
        component_repeats: measured calls of each part of the first model that the session can
            run alone; 0 leaves the parts out.
    """

    models: Sequence[tuple[Model, Sequence[Test]]]
    recorded: Mapping[Case, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    timeout_s: float = 300.0
    component_repeats: int = 3

    @property
    def cases(self) -> list[Case]:
        return [Case(model.name, test.name) for model, tests in self.models for test in tests]


@dataclass(frozen=True)
class _Purpose:
    """What one step of the job was for."""

    kind: str  # open, cold, warm, replay, component, or components (their names)
    model: str
    name: str = ""

    @property
    def extra(self) -> bool:
        """Beside the cases: its failure never decides whether they were timed."""
        return self.kind in ("replay", "component", "components")


class ExecutorStopwatch:
    """A `bench.Stopwatch` on worker processes.

    Args:
        sites: where each arm runs; ``deterministic`` must be False in both.
    """

    def __init__(self, executor: Executor, sites: Mapping[Arm, Site], workload: Workload) -> None:
        self.executor = executor
        self.sites = sites
        self.workload = workload
        # Sessions know their parts: the first process tells, later ones time them.
        self.components: tuple[str, ...] | None = None if workload.component_repeats else ()
        self.gpus = any(site.device in ("auto", "cuda") for site in sites.values())

    def __call__(self, arm: Arm, plan: BenchPlan) -> ProcessTiming:
        """Run one process to its end; the first failure ends it and is in the result."""
        planned = self._steps(plan)
        before = host.read(gpu=self.gpus)
        began = time.monotonic()
        handle = self.executor.submit(Job(self.sites[arm], tuple(step for step, _ in planned)))
        answers: list[tuple[_Purpose, Report]] = []
        ready_s = 0.0
        last = False
        while not last:
            for report in self.executor.wait():
                if report.job != handle or report.said is not None:
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
        disturbance = host.disturbance(before, after, host.usable_processors())
        timing = collect(arm, answers, ready_s, disturbance)
        purpose, report = answers[-1]
        if not timing.failure and report.step + 1 < len(planned):
            why = report.failure.text if report.failure else "the job ended early"
            return replace(timing, failure=f"{purpose.model}, {purpose.kind}: {why}")
        return timing

    def _steps(self, plan: BenchPlan) -> list[tuple[Step, _Purpose]]:
        work = self.workload
        steps: list[tuple[Step, _Purpose]] = []
        for number, (model, tests) in enumerate(work.models):
            opening = {"model": asdict(model), "seed": 0}
            # The first opening imports the target, which may take longer than a generation.
            steps.append(
                (Step("open", opening, work.timeout_s + 300), _Purpose("open", model.name))
            )
            for test in tests:
                for run in range(plan.warm_ups + plan.timed):
                    kind = "cold" if run < plan.warm_ups else "warm"
                    request = {
                        "test": asdict(test),
                        "capture": False,
                        "probes": int(kind == "warm"),
                    }
                    purpose = _Purpose(kind, model.name, test.name)
                    steps.append((Step("run", request, work.timeout_s), purpose))
                recorded = work.recorded.get(Case(model.name, test.name))
                if recorded:
                    request = {
                        "test": asdict(test),
                        "recorded": {stage["name"]: stage for stage in recorded},
                    }
                    purpose = _Purpose("replay", model.name, test.name)
                    steps.append((Step("replay", request, 3 * work.timeout_s), purpose))
            if number > 0:
                continue
            if self.components is None:
                purpose = _Purpose("components", model.name)
                steps.append((Step("components", {}, work.timeout_s), purpose))
            for part in self.components or ():
                request = {"name": part, "seed": 0, "warm": 1, "repeats": work.component_repeats}
                purpose = _Purpose("component", model.name, part)
                steps.append((Step("component", request, 3 * work.timeout_s), purpose))
        return steps


def collect(
    arm: Arm, answers: Sequence[tuple[_Purpose, Report]], ready_s: float, disturbance: str
) -> ProcessTiming:
    """One process's timing from the answers of its steps."""
    cold: dict[Case, float] = {}
    warm: dict[Case, list[Mapping[str, Any]]] = {}
    load_s, components_s, component_stages, replay_s = {}, {}, {}, {}
    for purpose, report in answers:
        case = Case(purpose.model, purpose.name)
        if report.failure is not None:
            if purpose.extra:
                continue
            where = purpose.model if purpose.kind == "open" else str(case)
            failure = f"{where}: {report.failure.text}"
            return ProcessTiming(arm, failure=failure, outcome=report.outcome)
        value = report.value
        if "not_applicable" in value:
            continue
        if purpose.kind == "open":
            load_s[purpose.model] = report.worker_wall_s
        elif purpose.kind == "cold":
            cold.setdefault(case, value["wall_s"])
        elif purpose.kind == "warm":
            warm.setdefault(case, []).append(value)
        elif purpose.kind == "components":
            pass
        elif purpose.kind == "component":
            components_s[str(case)] = median(value["times_s"])
            component_stages[str(case)] = value["stages"]
        else:
            for stage, seconds in (value["stage_s"] or {"all stages": report.wall_s}).items():
                replay_s[f"{case} / {stage}"] = seconds
    return ProcessTiming(
        arm,
        tuple(_timing(case, cold.get(case), values) for case, values in warm.items()),
        start_s=ready_s,
        load_s=load_s,
        components_s=components_s,
        component_stages=component_stages,
        replay_s=replay_s,
        disturbance=disturbance,
    )


def _timing(case: Case, cold_s: float | None, values: Sequence[Mapping[str, Any]]) -> CaseTiming:
    stages = {name: [value["stage_s"][name] for value in values] for name in values[0]["stage_s"]}
    memory = [value["memory_mib"] for value in values if value["memory_mib"] is not None]
    return CaseTiming(
        case,
        warm_s=tuple(value["wall_s"] for value in values),
        cold_s=cold_s,
        audio_s=values[-1]["audio_s"],
        tokens=values[-1]["tokens"],
        stage_s={name: median(seconds) for name, seconds in stages.items()},
        memory_mib=max(memory, default=None),
        probe_s=tuple(fmean(value["probe_s"]) for value in values if value.get("probe_s")),
    )
