"""`judge`: from two frozen trees to a judgement.

Both arms run; the gates compare them; what failed is run again, on the baseline (the control run)
and on the patched arm (to tell the flaky); the decision tables conclude; the failures are
explained. It writes nothing but its own run folder: the working copy is none of its business.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.execution.executor import Executor, LocalExecutor, Step, find_executor
from patcher.execution.results import Case
from patcher.execution.rundb import RunDb
from patcher.execution.runner import Observer, Runner, Silent
from patcher.execution.stages import DamagedRecord
from patcher.gates.structured import compared as kinds_compared
from patcher.verify.decisions import counted, decide, sentence
from patcher.verify.exercised import branches_alone
from patcher.verify.guards import Guarded
from patcher.verify.judgement import CaseJudgement, Judgement, Status, Verdict
from patcher.verify.life import live
from patcher.verify.setup import Request, Setup, prepare, slots_and_threads
from patcher.verify.survival import Survived, survive
from patcher.verify.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from patcher.execution.results import Arm, CaseResult
    from patcher.verify.exercised import Exercise
    from patcher.verify.judgement import Diagnosis, Speed
    from patcher.verify.life import Life

    Explain = Callable[[Sequence[CaseJudgement], "Bench"], Sequence[Diagnosis]]
    MeasureSpeed = Callable[["Bench", Sequence[CaseJudgement]], Speed]


@dataclass
class Bench:
    """What is at hand while a verification runs: for explanations and for timing.

    Attributes:
        setup: trees, sites, matrix, assets.
        executor, observer: as everything else here uses them.
        baseline: the baseline's results by case.
    """

    setup: Setup
    executor: Executor
    observer: Observer
    runner: Runner
    baseline: Mapping[Case, CaseResult] = field(default_factory=dict)

    def trace(
        self, arm: Arm, case: Case, tracer: str, options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Run one case under ``tracer`` (``module:function``) in a fresh worker; its answer.

        Empty when the worker did not live to answer.
        """
        model, test = self.setup.lookup(case)
        self.observer.began(arm, case, "trace")
        arguments = {"test": asdict(test), "tracer": tracer, "options": dict(options)}
        timeout_s = 10 * self.runner.case_timeout_s(case)
        report = self.runner.ask(arm, model, Step("trace", arguments, timeout_s))
        result: Mapping[str, Any] = report.value.get("trace", {})
        return result


def judge(
    request: Request,
    observer: Observer | None = None,
    *,
    explain: Explain | None = None,
    measure_speed: MeasureSpeed | None = None,
) -> Judgement:
    """Run, compare, decide, explain.

    Args:
        observer: called with progress.
        explain: called with the failed cases when there are some.
        measure_speed: called when every case passed or could not apply.

    Raises:
        PatcherError: ``environment`` when weights cannot be found or made; ``usage`` for an
            executor that does not exist.
    """
    try:
        return _judge(request, observer or Silent(), explain, measure_speed)
    except DamagedRecord as error:
        # Set aside already: the next verification makes it anew. What is not proven is taken out.
        sentence = f"A record was damaged while it was judged: {error}"
        return Judgement(Verdict.FAIL, "record-damaged", sentence, gate=request.equivalence.value)


def time_again(
    request: Request,
    passed: Judgement,
    measure_speed: MeasureSpeed,
    observer: Observer | None = None,
) -> Judgement:
    """Time the arms of a verification that passed in this process; no gate runs again.

    Args:
        passed: of the same trees and the same request but for what is timed.
    """
    watcher = observer or Silent()
    with executor_of(request) as (executor, _, threads):
        setup = prepare(request, executor, threads, watcher)
        guarded = Guarded(setup, executor)
        runner = Runner(executor, setup.sites, watcher, timeout_s=request.timeout_s)
        baseline = {case.case: case.baseline for case in passed.cases if case.baseline}
        runner.learn(baseline.values())
        speed = measure_speed(Bench(setup, executor, watcher, runner, baseline), passed.cases)
    fault = speed.fault
    judged = replace(passed, speed=speed, warnings=())
    if fault:
        judged = replace(judged, verdict=Verdict.FAIL, reason=fault.reason, sentence=fault.sentence)
    judged = guarded.conclude(judged)
    if judged.verdict is not Verdict.PASS:  # the pass on record stands for nothing any more
        db = RunDb(request.run_dir / "runs.sqlite")
        finish(db, db.begin(setup.run_key(), judged.seed or 0), request, judged)
    return replace(judged, warnings=tuple(dict.fromkeys((*passed.warnings, *judged.warnings))))


def finish(db: RunDb, run: int, request: Request, judgement: Judgement) -> None:
    """Put a judgement on record."""
    about = {
        "sandbox": request.sandbox,
        "trees": dict(judgement.trees),
        "inputs": {"seed": judgement.seed},
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
    }
    db.finish(run, {**request.about, **about})


@contextmanager
def executor_of(request: Request) -> Iterator[tuple[Executor, int, int]]:
    """The executor of a request while it is used, its slots, and the threads of each worker."""
    slots, threads = slots_and_threads(request)
    executor = find_executor(request.executor, slots)
    scope: AbstractContextManager[Any] = (
        executor if isinstance(executor, AbstractContextManager) else nullcontext()
    )
    with scope:
        yield executor, slots, threads


def _judge(
    request: Request,
    watcher: Observer,
    explain: Explain | None,
    measure_speed: MeasureSpeed | None,
) -> Judgement:
    began_s = time.monotonic()
    with executor_of(request) as (executor, slots, threads):
        setup = prepare(request, executor, threads, watcher)
        guarded = Guarded(setup, executor)
        trial = Trial(setup, executor, watcher)
        setup = trial.setup
        trial.run()
        cases, further = trial.judgements(), trial.further()
        bench = Bench(setup, executor, watcher, trial.runner, trial.baseline)
        beyond = [each.judgement for each in further]
        failed = [case for case in cases if case.status is Status.FAIL]
        failed = failed or [case for case in beyond if case.status is Status.FAIL]
        diagnosis = with_inputs(explain(failed, bench), failed) if explain and failed else ()
        compared, gate = what_was_compared(cases, request.equivalence.value)
        row = decide(counted(cases, beyond))
        conclusion = Conclusion(row.verdict, row.reason, sentence(row, cases, gate, beyond))
        if row.verdict is Verdict.PASS:
            trial.follow()
        if isinstance(executor, LocalExecutor):
            executor.expect_no_more()
        exercised = trial.exercised()
        never = [item for item in exercised if item.kind == "never"]
        if never and row.verdict is Verdict.PASS and not request.allow_unexercised:
            conclusion = not_exercised(never)
        life = None
        if request.life and conclusion.verdict is Verdict.PASS:
            life = live(setup, executor, trial.runner, watcher)
            if not life.gate.passed:
                conclusion = Conclusion(Verdict.FAIL, "grows", f"Life: {life.gate.message}")
                beyond.append(grown(life))
        survived: tuple[Survived, ...] = ()
        if request.full and conclusion.verdict is Verdict.PASS:
            survived = survive(setup, executor, trial.runner, watcher)
            if lost := [row for row in survived if row.lost]:
                message = f"It no longer survives {lost[0].gate.message}"
                conclusion = Conclusion(Verdict.FAIL, "does-not-survive", message)
                beyond += [not_survived(row, request) for row in lost]
        # They failed, so nothing is timed; the table of speeds is the matrix's.
        untimed = [
            replace(case, baseline=None, patched=None)
            for case in beyond
            if case.status is Status.FAIL
        ]
        speed = measure_speed(bench, [*cases, *untimed]) if measure_speed else None
    fault = speed.fault if speed else None
    judgement = Judgement(
        verdict=Verdict.FAIL if fault else conclusion.verdict,
        reason=fault.reason if fault else conclusion.reason,
        sentence=fault.sentence if fault else conclusion.sentence,
        cases=cases,
        gate=gate,
        compared=compared,
        diagnosis=diagnosis,
        speed=speed,
        reproducible=trial.reproducible,
        weights=setup.assets.summary,
        facts={**setup.facts, **trial.facts, "workers": slots},
        warnings=(*trial.warnings(cases), *branches_alone(exercised)),
        trees={arm.value: tree.sha256 for arm, tree in request.trees.items()},
        wall_s=time.monotonic() - began_s,
        further=further,
        seed=setup.plan.seed,
        exercised=exercised,
        allowed_unexercised=bool(never) and request.allow_unexercised,
        from_load_on=trial.from_load_on(),
        life=life,
        survived=survived,
    )
    judgement = guarded.conclude(judgement)
    finish(trial.db, trial.run_id, request, judgement)
    return judgement


@dataclass(frozen=True)
class Conclusion:
    """A verdict with the row of the table that gave it, and its sentence."""

    verdict: Verdict
    reason: str
    sentence: str


def with_inputs(
    explained: Sequence[Diagnosis], failed: Sequence[CaseJudgement]
) -> tuple[Diagnosis, ...]:
    """Each cause with the input of the first of its cases that says what it was called with."""
    inputs = {
        each.case: run.called_with
        for each in failed
        for run in (each.patched, each.baseline)
        if run is not None and run.called_with
    }
    return tuple(
        replace(each, called_with=next((inputs[c] for c in each.cases if c in inputs), None))
        for each in explained
    )


def grown(life: Life) -> CaseJudgement:
    """A life that failed, as a case beside the others."""
    case = Case(life.model, f"{life.calls} calls")
    return CaseJudgement(case, Status.FAIL, "grows", None, None, (life.gate,))


def not_survived(lost: Survived, request: Request) -> CaseJudgement:
    """A probe that the patched arm lost, as a case beside the others."""
    case = lost.case(request.matrix.models[0].name)
    return CaseJudgement(case, Status.FAIL, "does-not-survive", None, None, (lost.gate,))


def not_exercised(never: Sequence[Exercise]) -> Conclusion:
    """Every case passed, and edits that never ran were not tried by any."""
    patches = ", ".join(dict.fromkeys(each.place.patch for each in never))
    more = f", and {len(never) - 1} more" if len(never) > 1 else ""
    text = (
        f"Not all of {patches} was tried: {never[0].sentence}{more}. A case, a model or an "
        "argument that reaches it would prove it (--allow-unexercised lets it pass)"
    )
    return Conclusion(Verdict.NOT_EXERCISED, "not-exercised", text)


def what_was_compared(cases: Sequence[CaseJudgement], claim: str) -> tuple[str, str]:
    """What there was to compare in all cases together, and the gate that this amounts to."""
    kinds: set[str] = set()
    for case in cases:
        if case.baseline is not None and case.baseline.ok:
            kinds |= kinds_compared(case.baseline) or {"exit-status"}
    if not kinds & {"returned", "outputs"} and kinds:
        claim = "tests" if "tests" in kinds else "exit-status"
    order = ("returned", "outputs", "tests", "exit-status")
    return ", ".join(kind for kind in order if kind in kinds), claim
