"""Times two arms with worker processes and keeps every pair: what ``verify --bench`` calls."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from patcher.bench.ledger import SqliteLedger
from patcher.bench.report import BenchReport
from patcher.bench.run import BenchRun, run_bench, withheld
from patcher.bench.speed import DEVICE_MARGIN, BenchPlan
from patcher.bench.stopwatch import ExecutorStopwatch, Workload
from patcher.execution import machine as host
from patcher.execution.results import Arm, CaseResult
from patcher.execution.rundb import key_of
from patcher.gates.components import judge_components
from patcher.patchfile.model import Equivalence
from patcher.verify.judgement import CaseJudgement, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from patcher.bench.records import ProcessTiming
    from patcher.execution.executor import Executor
    from patcher.execution.process import Site
    from patcher.verify.judge import Bench

    GateRuns = Mapping[Arm, Sequence[CaseResult]]
    Progress = Callable[[int, ProcessTiming], None]

MEMORY_WORDS: Mapping[str, str] = {
    "cuda": "peak allocated on the device, MiB",
    "cpu": "peak growth of the process since before loading, MiB",
}


def measure_speed(
    bench: Bench,
    cases: Sequence[CaseJudgement],
    *,
    plan: BenchPlan,
    budget_s: float | None = None,
    aa: bool = False,
    progress: Progress | None = None,
) -> BenchReport:
    """Time the arms of a verification whose gates have run; nothing when a case failed.

    An argument of `judge.judge`, once ``plan`` and the options are bound with `functools.partial`.
    """
    setup = bench.setup
    runs: GateRuns = {
        Arm.BASELINE: [case.baseline for case in cases if case.baseline],
        Arm.PATCHED: [case.patched for case in cases if case.patched],
    }
    facts = next((dict(run.facts) for run in runs[Arm.BASELINE] if run.ok), {})
    device = str(facts.get("device", setup.request.options.device))
    passed = {case.case for case in cases if case.status is Status.PASS}
    failed = sum(case.status is Status.FAIL for case in cases)
    if failed or not passed:
        reason = f"{failed} of {len(cases)} cases failed their gates" if failed else "no case ran"
        return not_timed(plan, f"{reason}, so nothing was timed", device=device, gate_runs=runs)
    models = [(batch.model, batch.tests) for batch in setup.batches(Arm.BASELINE, passed, "timing")]
    recorded = {
        case.case: [asdict(stage) for stage in case.baseline.stages]
        for case in cases
        if case.baseline and case.case in passed
    }
    timeout_s = max(bench.runner.case_timeout_s(case) for case in passed)
    # Fixed work costs another generation a case: only the full plan has the time.
    workload = Workload(models, recorded if plan.timed > 1 else {}, timeout_s)
    return time_arms(
        plan,
        bench.executor,
        setup.timing_sites(host.usable_processors()),
        workload,
        database=setup.request.run_dir / "runs.sqlite",
        device=device,
        facts={key: facts[key] for key in ("device", "torch", "gpu") if key in facts},
        assets=setup.assets.fingerprint,
        gate_runs=runs,
        equivalence=setup.request.equivalence,
        limits=setup.request.limits,
        budget_s=budget_s,
        aa=aa,
        progress=progress,
    )


def time_arms(
    plan: BenchPlan,
    executor: Executor,
    sites: Mapping[Arm, Site],
    workload: Workload,
    *,
    database: Path,
    device: str = "cpu",
    facts: Mapping[str, Any] | None = None,
    assets: str = "",
    gate_runs: GateRuns | None = None,
    equivalence: Equivalence = Equivalence.BITWISE,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
    budget_s: float | None = None,
    aa: bool = False,
    progress: Progress | None = None,
) -> BenchReport:
    """Measure both arms and judge; continues an interrupted bench of the same trees.

    Args:
        sites: where each arm runs; determinism switches are turned off here.
        workload: the cases to time: those that passed their gates on both arms.
        database: the SQLite file pairs are kept in.
        device: as resolved by the session (``cpu``, ``cuda``, ``mps``); sets the margin.
        facts: what the session said of itself; part of the machine's fingerprint.
        assets: fingerprint of weights and clips.
        gate_runs: the gates' runs by arm, for a table when nothing could be timed.
        equivalence, limits: the claim isolated parts are held to.
        aa: both sites hold the same tree.
    """
    plain = {arm: replace(site, deterministic=False) for arm, site in sites.items()}
    environment = host.fingerprint({**(facts or {}), "threads": plain[Arm.BASELINE].threads})
    work = [[asdict(model), [asdict(test) for test in tests]] for model, tests in workload.models]
    trees = [plain[arm].tree.sha256 for arm in Arm]
    key = key_of(trees, work, assets, plan.name, aa, environment.sha256)
    ledger = SqliteLedger(database, key, json.dumps(environment.facts))
    run = run_bench(
        plan,
        ExecutorStopwatch(executor, plain, workload),
        ledger,
        seed=ledger.seed,
        margin=margin_of(device),
        clock=time.monotonic,
        budget_s=budget_s,
        progress=progress,
    )
    if run.stopped != "budget":
        ledger.finish()
    report = _report(run, gate_runs or {}, device, environment.facts, aa)
    return replace(report, component_gates=judge_components(run.pairs, equivalence, limits))


def not_timed(plan: BenchPlan, reason: str, *, device: str, gate_runs: GateRuns) -> BenchReport:
    """The report for an arm that failed its gates: the table of the gates' runs, and why."""
    return _report(withheld(plan, margin_of(device), reason), gate_runs, device, {}, aa=False)


def margin_of(device: str) -> float:
    """The smallest change worth calling on a device: 0.03 = 3 %."""
    return DEVICE_MARGIN.get(device, max(DEVICE_MARGIN.values()))


def _report(
    run: BenchRun,
    gate_runs: GateRuns,
    device: str,
    environment: Mapping[str, Any],
    aa: bool,
) -> BenchReport:
    memory = MEMORY_WORDS.get(device, MEMORY_WORDS["cpu"])
    return BenchReport(run, gate_runs, memory, environment, aa=aa)
