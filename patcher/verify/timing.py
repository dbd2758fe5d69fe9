"""Times the arms of a verification whose gates have run: what ``verify --bench`` asks for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from patcher.bench.floor import best_bandwidth, floor_s, last_level_cache_bytes
from patcher.bench.inputs import plan_inputs
from patcher.bench.stopwatch import Workload
from patcher.bench.timing import NOBODY, Claim, Terms, not_timed, time_arms
from patcher.execution.executor import Elsewhere, processors_of
from patcher.execution.results import Arm, Case
from patcher.execution.rundb import key_of
from patcher.verify.judgement import Status
from patcher.verify.own_comparison import own_comparison
from patcher.verify.setup import prepare

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence, Set
    from pathlib import Path

    from patcher.bench.report import BenchReport
    from patcher.bench.speed import BenchPlan
    from patcher.bench.timing import GateRuns, TimingObserver
    from patcher.patchfile.model import Declaration
    from patcher.targets.adapter import Model, Test
    from patcher.verify.judge import Bench
    from patcher.verify.judgement import CaseJudgement
    from patcher.verify.setup import Setup, Timed

# A call may take so many times what a gate's run may: nobody waits for it but the bench, and
# one slow call beside a busy neighbour says nothing about the patch.
PATIENCE = 3.0
UNKNOWN_S = 300.0  # what a call may take of which nothing is known


@dataclass(frozen=True)
class TimingOptions:
    """How the arms of a verification are timed.

    Attributes:
        aa: both arms are the same tree.
        declares: what the patches say they do beside computing.
    """

    plan: BenchPlan
    budget_s: float | None = None
    aa: bool = False
    declares: frozenset[Declaration] = frozenset()


def said_of(failed: Set[Case], matrix: Set[Case]) -> str:
    """``6 of 9 cases and 7 further calls failed their gates``."""
    inside, beyond = len(failed & matrix), len(failed - matrix)
    further = f"{beyond} further call{'' if beyond == 1 else 's'}" if beyond else ""
    named = f"{inside} of {len(matrix)} case{'' if len(matrix) == 1 else 's'}" if inside else ""
    its = "its" if len(failed) == 1 else "their"
    return f"{' and '.join(filter(None, (named, further)))} failed {its} gates"


def measure_speed(
    bench: Bench,
    cases: Sequence[CaseJudgement],
    *,
    options: TimingOptions,
    observer: TimingObserver = NOBODY,
) -> BenchReport:
    """Time the arms of a verification whose gates have run; nothing when a case failed.

    An argument of `judge.judge`, once ``options`` are bound with `functools.partial`.
    """
    setup = bench.setup
    request, clock = setup.request, setup.request.clock
    runs: GateRuns = {
        Arm.BASELINE: [case.baseline for case in cases if case.baseline],
        Arm.PATCHED: [case.patched for case in cases if case.patched],
    }
    facts = next((dict(run.facts) for run in runs[Arm.BASELINE] if run.ok), {})
    device = str(facts.get("device", request.options.device))
    passed = {case.case for case in cases if case.status is Status.PASS}
    failed = {case.case for case in cases if case.status is Status.FAIL}
    if clock is not None:
        passed &= {Case(model.name, test.name) for model, test in clock.matrix.pairs()}
    if failed or not passed:
        matrix = {Case(model.name, test.name) for model, test in request.matrix.pairs()}
        reason = said_of(failed, matrix) if failed else "no case ran"
        return not_timed(
            options.plan, f"{reason}, so nothing was timed", device=device, gate_runs=runs
        )
    if clock is not None:
        setup = timed_setup(bench, clock)
    recorded = {
        case.case: [asdict(stage) for stage in case.baseline.stages]
        for case in cases
        if case.baseline and case.case in passed
    }
    # The floor rests on the bandwidth of this machine.
    measured_here = device == "cpu" and not isinstance(bench.executor, Elsewhere)
    terms = Terms(
        options.plan,
        device,
        options.budget_s,
        options.aa,
        content=key_of(
            setup.assets.fingerprint,
            request.adapter.distribution,
            request.content,
            request.python,
            request.limits,
        ),
        facts={
            **{key: facts[key] for key in ("device", "torch", "gpu") if key in facts},
            **({"timed": setup.assets.summary} if clock else {}),
        },
        floor_s=floors(cases, request.options.cache) if measured_here else {},
        claim=Claim(
            request.equivalence,
            request.limits,
            options.declares,
            own_comparison(setup, bench.executor, bench.observer),
        ),
    )
    adapter = request.adapter
    calls = TimedCalls(
        plan=options.plan,
        vary=getattr(adapter, "vary", None),
        fresh_process=bool(getattr(adapter, "fresh_process", False)),
        models=[(each.model, each.tests) for each in setup.batches(Arm.BASELINE, passed, "timing")],
        # What calls take, and what is recorded of them, is of the size that was gated.
        call_s={
            case.case: case.baseline.measure.wall_s
            for case in cases
            if case.baseline and case.baseline.measure and clock is None
        },
        # Fixed work costs another call a case: only the full plan has the time.
        recorded=recorded if options.plan.timed > 1 and clock is None else {},
        # Parts alone are not asked for where one call takes many seconds.
        parts=clock is None,
        timeout_s=PATIENCE
        * max(UNKNOWN_S if clock else bench.runner.case_timeout_s(case) for case in passed),
    )
    return time_arms(
        terms,
        bench.executor,
        setup.timing_sites(processors_of(bench.executor)),
        calls.workload,
        request.run_dir / "runs.sqlite",
        observer,
    )


def timed_setup(bench: Bench, clock: Timed) -> Setup:
    """Where a part of the matrix is timed at its own size; its edits ran when they were gated."""
    request = bench.setup.request
    options = replace(request.options, scale=clock.scale)
    asked = replace(request, options=options, matrix=clock.matrix, places=(), clock=None)
    threads = processors_of(bench.executor)
    return prepare(asked, bench.executor, threads, bench.observer)


def floors(cases: Sequence[CaseJudgement], cache: Path) -> dict[Case, float]:
    """The least a call of each case can take here, where its session says how much it has to read.

    Sessions do so with the fact ``parameters``: what every call reads at least once.
    """
    read = {
        case.case: float(case.baseline.facts["parameters"])
        for case in cases
        if case.baseline and isinstance(case.baseline.facts.get("parameters"), int | float)
    }
    if not read:
        return {}
    bandwidth, cached = best_bandwidth(cache / "bandwidth.json"), last_level_cache_bytes()
    return {case: floor_s(count, bandwidth, cached) for case, count in read.items()}


@dataclass(frozen=True)
class TimedCalls:
    """What the timing processes of a bench call.

    Attributes:
        call_s: how long a call of a case took on the baseline.
        recorded: what the stages of the baseline worked on, for fixed work.
        vary: makes another test of a test, where the adapter can.
        fresh_process: each call is a process of its own.
        parts: the parts of the first model that can be run alone are timed, too.
    """

    plan: BenchPlan
    models: Sequence[tuple[Model, Sequence[Test]]]
    call_s: Mapping[Case, float]
    recorded: Mapping[Case, Sequence[Mapping[str, object]]]
    timeout_s: float
    vary: Callable[[random.Random, Test], Test] | None
    fresh_process: bool
    parts: bool = True

    def workload(self, seed: str) -> Workload:
        """The calls with the inputs that a bench's seed draws."""
        planned = plan_inputs(
            self.models, self.plan, seed,
            call_s=self.call_s, vary=self.vary, fresh_process=self.fresh_process,
        )  # fmt: skip
        work = Workload(planned, self.recorded, self.timeout_s)
        return work if self.parts else replace(work, component_repeats=0)
