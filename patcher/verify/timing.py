"""Times the arms of a verification whose gates have run: what ``verify --bench`` asks for."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from patcher.bench.floor import best_bandwidth, floor_s, last_level_cache_bytes
from patcher.bench.inputs import plan_inputs
from patcher.bench.stopwatch import Workload
from patcher.bench.timing import Claim, Terms, not_timed, time_arms
from patcher.execution.executor import Elsewhere, processors_of
from patcher.execution.results import Arm, Case
from patcher.execution.rundb import key_of
from patcher.verify.judgement import Status
from patcher.verify.own_comparison import own_comparison

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from patcher.bench.forecast import Forecast
    from patcher.bench.report import BenchReport
    from patcher.bench.speed import BenchPlan
    from patcher.bench.timing import GateRuns, Progress
    from patcher.patchfile.model import Declaration
    from patcher.targets.adapter import Model, Test
    from patcher.verify.judge import Bench
    from patcher.verify.judgement import CaseJudgement

# A call may take so many times what a gate's run may: nobody waits for it but the bench, and
# one slow call beside a busy neighbour says nothing about the patch.
PATIENCE = 3.0


def measure_speed(
    bench: Bench,
    cases: Sequence[CaseJudgement],
    *,
    plan: BenchPlan,
    budget_s: float | None = None,
    aa: bool = False,
    declares: frozenset[Declaration] = frozenset(),
    progress: Progress | None = None,
    announce: Callable[[Forecast], None] | None = None,
) -> BenchReport:
    """Time the arms of a verification whose gates have run; nothing when a case failed.

    An argument of `judge.judge`, once ``plan`` and the options are bound with `functools.partial`.
    """
    setup = bench.setup
    request = setup.request
    runs: GateRuns = {
        Arm.BASELINE: [case.baseline for case in cases if case.baseline],
        Arm.PATCHED: [case.patched for case in cases if case.patched],
    }
    facts = next((dict(run.facts) for run in runs[Arm.BASELINE] if run.ok), {})
    device = str(facts.get("device", request.options.device))
    passed = {case.case for case in cases if case.status is Status.PASS}
    failed = sum(case.status is Status.FAIL for case in cases)
    if failed or not passed:
        reason = f"{failed} of {len(cases)} cases failed their gates" if failed else "no case ran"
        return not_timed(plan, f"{reason}, so nothing was timed", device=device, gate_runs=runs)
    recorded = {
        case.case: [asdict(stage) for stage in case.baseline.stages]
        for case in cases
        if case.baseline and case.case in passed
    }
    # The floor rests on the bandwidth of this machine.
    measured_here = device == "cpu" and not isinstance(bench.executor, Elsewhere)
    terms = Terms(
        plan,
        device,
        budget_s,
        aa,
        content=key_of(
            setup.assets.fingerprint,
            request.adapter.distribution,
            request.content,
            request.python,
            request.limits,
        ),
        facts={key: facts[key] for key in ("device", "torch", "gpu") if key in facts},
        floor_s=floors(cases, request.options.cache) if measured_here else {},
    )
    adapter = request.adapter
    workload = partial(
        workload_of,
        plan=plan,
        vary=getattr(adapter, "vary", None),
        fresh_process=bool(getattr(adapter, "fresh_process", False)),
        models=[(each.model, each.tests) for each in setup.batches(Arm.BASELINE, passed, "timing")],
        call_s={
            case.case: case.baseline.measure.wall_s
            for case in cases
            if case.baseline and case.baseline.measure
        },
        # Fixed work costs another call a case: only the full plan has the time.
        recorded=recorded if plan.timed > 1 else {},
        timeout_s=PATIENCE * max(bench.runner.case_timeout_s(case) for case in passed),
    )
    return time_arms(
        terms,
        bench.executor,
        setup.timing_sites(processors_of(bench.executor)),
        workload,
        database=request.run_dir / "runs.sqlite",
        claim=Claim(
            request.equivalence,
            request.limits,
            declares,
            own_comparison(setup, bench.executor, bench.observer),
        ),
        progress=progress,
        announce=announce,
    )


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


def workload_of(
    seed: str,
    *,
    plan: BenchPlan,
    models: Sequence[tuple[Model, Sequence[Test]]],
    call_s: Mapping[Case, float],
    recorded: Mapping[Case, Sequence[Mapping[str, object]]],
    timeout_s: float,
    vary: Callable[[random.Random, Test], Test] | None,
    fresh_process: bool,
) -> Workload:
    """What the timing processes of a bench do, from its seed."""
    planned = plan_inputs(models, plan, seed, call_s=call_s, vary=vary, fresh_process=fresh_process)
    return Workload(planned, recorded, timeout_s)
