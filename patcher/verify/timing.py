"""Times two arms with worker processes and keeps every pair: what ``verify --bench`` calls."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from patcher.verify import host
from patcher.verify.bench import BenchRun, run_bench, withheld
from patcher.verify.bench_ledger import SqliteLedger
from patcher.verify.bench_report import BenchReport
from patcher.verify.model import Arm, CaseResult
from patcher.verify.rundb import key_of
from patcher.verify.speed import DEVICE_MARGIN, BenchPlan
from patcher.verify.stopwatch import ExecutorStopwatch, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from patcher.verify.bench_records import ProcessTiming
    from patcher.verify.executor import Executor
    from patcher.verify.process import Site

MEMORY_WORDS: Mapping[str, str] = {
    "cuda": "peak allocated on the device",
    "cpu": "peak growth of the process since before loading",
}


def time_arms(
    plan: BenchPlan,
    executor: Executor,
    sites: Mapping[Arm, Site],
    workload: Workload,
    *,
    database: Path,
    device: str,
    facts: Mapping[str, Any],
    gate_runs: Mapping[Arm, Sequence[CaseResult]],
    budget_s: float | None = None,
    aa: bool = False,
    progress: Callable[[int, ProcessTiming], None] | None = None,
) -> BenchReport:
    """Measure both arms and judge; continues an interrupted bench of the same trees.

    Args:
        sites: where each arm runs; determinism switches are turned off here.
        workload: the cases to time: those that passed their gates on both arms.
        database: the SQLite file pairs are kept in.
        device: as resolved by the session (``cpu``, ``cuda``, ``mps``); sets the margin.
        facts: what the session said of itself; part of the machine's fingerprint.
        gate_runs: the gates' runs by arm, for a table when nothing could be timed.
        aa: both sites hold the same tree.
    """
    plain = {arm: replace(site, deterministic=False) for arm, site in sites.items()}
    environment = host.fingerprint({**facts, "threads": sites[Arm.BASELINE].threads})
    work = [[asdict(model), [asdict(test) for test in tests]] for model, tests in workload.models]
    key = key_of([plain[arm].tree.sha256 for arm in Arm], work, plan.name, aa, environment.sha256)
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
    return _report(run, gate_runs, device, environment.facts, aa)


def not_timed(
    plan: BenchPlan, reason: str, *, device: str, gate_runs: Mapping[Arm, Sequence[CaseResult]]
) -> BenchReport:
    """The report for an arm that failed its gates: the table of the gates' runs, and why."""
    return _report(withheld(plan, margin_of(device), reason), gate_runs, device, {}, aa=False)


def margin_of(device: str) -> float:
    """The smallest change worth calling on a device: 0.03 = 3 %."""
    return DEVICE_MARGIN.get(device, max(DEVICE_MARGIN.values()))


def _report(
    run: BenchRun,
    gate_runs: Mapping[Arm, Sequence[CaseResult]],
    device: str,
    environment: Mapping[str, Any],
    aa: bool,
) -> BenchReport:
    memory = MEMORY_WORDS.get(device, MEMORY_WORDS["cpu"])
    return BenchReport(run, gate_runs, memory, environment, aa)
