"""Times two arms with worker processes and keeps every pair."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.bench.answers import AnswerCheck, InputJudge
from patcher.bench.forecast import Forecast, calibrate
from patcher.bench.lanes import Lanes
from patcher.bench.ledger import SqliteLedger
from patcher.bench.report import BenchReport
from patcher.bench.run import BenchRun, Rules, run_bench, withheld
from patcher.bench.speed import DEVICE_MARGIN, BenchPlan
from patcher.bench.stopwatch import ExecutorStopwatch, Workload
from patcher.execution.executor import fingerprint_of, timing_slots
from patcher.execution.results import Arm, Case, CaseResult
from patcher.execution.rundb import key_of
from patcher.execution.shared import SharedExecutor
from patcher.gates.components import judge_components
from patcher.patchfile.model import Declaration, Equivalence

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.bench.records import ProcessTiming
    from patcher.execution.executor import Executor
    from patcher.execution.machine import Fingerprint
    from patcher.execution.process import WorkerSite
    from patcher.gates.registry import Compare

GateRuns = Mapping[Arm, Sequence[CaseResult]]
Progress = Callable[[int, "ProcessTiming"], None]

MEMORY_WORDS: Mapping[str, str] = {
    "cuda": "peak allocated on the device, MiB",
    "cpu": "peak growth of the process since before loading, MiB",
}


@dataclass(frozen=True)
class Claim:
    """What the patches say of themselves, and what that is held to.

    Attributes:
        limits: ``[tool.patcher.verify.gates]``: a table of thresholds a gate.
        compare: the user's own comparison of values; None where there is none.
    """

    equivalence: Equivalence = Equivalence.BITWISE
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    declares: frozenset[Declaration] = frozenset()
    compare: Compare | None = None


@dataclass(frozen=True)
class Terms:
    """How long to time, and what the times are of.

    Attributes:
        device: as resolved by the session (``cpu``, ``cuda``, ``mps``); sets the margin.
        facts: what the session said of itself; part of the machine's fingerprint.
        content: of everything that decides what is run: weights, clips, the workload's and the
            adapter's own files, settings. A bench is continued only where it is the same.
        aa: both sites hold the same tree.
        floor_s: the least a call of a case can take here, where that is known.
        claim: what the patches say of themselves.
    """

    plan: BenchPlan
    device: str = "cpu"
    budget_s: float | None = None
    aa: bool = False
    content: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    floor_s: Mapping[Case, float] = field(default_factory=dict)
    claim: Claim = field(default_factory=Claim)


@dataclass(frozen=True)
class TimingObserver:
    """Who is told how a bench goes.

    Attributes:
        progress: called with a pair's index and each of its processes' timings.
        announce: called beforehand with what to expect, from two processes of the baseline; None
            times none for that.
    """

    progress: Progress | None = None
    announce: Callable[[Forecast], None] | None = None


NOBODY = TimingObserver()


def time_arms(
    terms: Terms,
    executor: Executor,
    sites: Mapping[Arm, WorkerSite],
    workload: Callable[[str], Workload],
    database: Path,
    observer: TimingObserver = NOBODY,
) -> BenchReport:
    """Measure both arms and judge; continues an interrupted bench of the same trees.

    Args:
        sites: where each arm runs; determinism switches are turned off here.
        workload: the inputs to time, from the bench's seed: cases that passed their gates on both
            arms.
        database: the SQLite file pairs are kept in.
    """
    claim = terms.claim
    plain = {arm: replace(site, deterministic=False) for arm, site in sites.items()}
    threads = plain[Arm.BASELINE].threads
    environment = fingerprint_of(executor, {**terms.facts, "threads": threads})
    key = _key(terms, plain, workload(""), environment)
    ledger = SqliteLedger(database, key, json.dumps(environment.facts))
    planned = workload(ledger.seed)
    count = timing_slots(executor)
    shared = SharedExecutor(executor)
    own = shared.view() if count > 1 else executor
    stopwatch = ExecutorStopwatch(own, plain, planned)
    judge = InputJudge(own, plain, planned, claim.equivalence, claim.limits, claim.compare)
    gate_inputs = judge if terms.plan.gated else None
    expected, budget_s = None, terms.budget_s
    if observer.announce is not None:
        margin = margin_of(terms.device)
        expected, budget_s = calibrate(
            stopwatch, terms.plan, margin, time.monotonic, budget_s, count
        )
        if expected is not None:
            observer.announce(expected)
    # What is checked on the side waits for its own answers, beside the pairs that run on.
    watches = [stopwatch.on(shared.view()) for _ in range(count)] if count > 1 else [stopwatch]
    run = run_bench(
        Rules(
            terms.plan,
            ledger.seed,
            margin_of(terms.device),
            budget_s,
            terms.floor_s,
            claim.declares,
        ),
        Lanes(watches, shared.stop, lambda: timing_slots(executor)),
        ledger,
        clock=time.monotonic,
        check=AnswerCheck(claim.equivalence, lambda: stopwatch(Arm.BASELINE), gate_inputs),
        progress=observer.progress,
    )
    if run.stopped != "budget":
        ledger.finish()
    report = _report(run, {}, terms.device, {**environment.facts, "seed": ledger.seed}, terms.aa)
    parts = ((each.baseline.component_stages, each.patched.component_stages) for each in run.pairs)
    gates = judge_components(parts, claim.equivalence, claim.limits)
    return replace(report, component_gates=gates, forecast=expected)


def _key(
    terms: Terms, sites: Mapping[Arm, WorkerSite], workload: Workload, environment: Fingerprint
) -> str:
    """Names the pairs that a bench may continue with."""
    trees = [sites[arm].tree.sha256 for arm in Arm]
    described = [
        [asdict(each.model), [asdict(case.test) for case in each.cases]] for each in workload.models
    ]
    return key_of(
        trees, described, terms.content, terms.plan.name, terms.aa, environment.sha256,
        terms.claim.equivalence.value,
    )  # fmt: skip


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
