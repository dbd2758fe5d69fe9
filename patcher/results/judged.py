"""From a judgement to what is returned and written of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.execution.results import Outcome
from patcher.results.verified import (
    ArmLife,
    ArmSeconds,
    BaselineOutcome,
    CaseOutcome,
    DrawnInputs,
    DrawnOutcome,
    ExercisedEdit,
    FailureCause,
    JudgedOutcome,
    LifeOutcome,
    StageOutcome,
    SurvivalOutcome,
    UndeclaredEffect,
)
from patcher.verify.judgement import Status

if TYPE_CHECKING:
    from patcher.execution.results import CaseResult
    from patcher.gates.life import Lived
    from patcher.verify.exercised import Exercise
    from patcher.verify.judgement import CaseJudgement, Diagnosis, Further, Judgement
    from patcher.verify.life import Life


def outcome_of(judgement: Judgement) -> JudgedOutcome:
    """A whole judgement."""
    speed = judgement.speed
    return JudgedOutcome(
        verdict=judgement.verdict,
        reason=judgement.reason,
        sentence=judgement.sentence,
        gate=judgement.gate,
        compared=judgement.compared,
        cases=[case_outcome(each) for each in judgement.cases],
        diagnosis=[cause_of(each) for each in judgement.diagnosis],
        reproducible=judgement.reproducible,
        weights=judgement.weights,
        environment=judgement.facts,
        warnings=judgement.warnings,
        trees=judgement.trees,
        guards=judgement.guards,
        wall_s=round(judgement.wall_s, 3),
        inputs=DrawnInputs(judgement.seed, [drawn_outcome(each) for each in judgement.further]),
        exercised=[exercised_edit(each) for each in judgement.exercised],
        allowed_unexercised=judgement.allowed_unexercised,
        from_load_on=judgement.from_load_on,
        undeclared=[
            UndeclaredEffect(each.patch, each.file, each.line, each.what, each.needs)
            for each in judgement.undeclared
        ],
        declares=judgement.declares,
        life=life_outcome(judgement.life) if judgement.life else None,
        survived=[
            SurvivalOutcome(each.probe, each.baseline, each.patched, each.detail, each.lost)
            for each in judgement.survived
        ]
        or None,
        speed=speed.figures if speed else None,
        table=speed.table if speed else None,
    )


def case_outcome(judged: CaseJudgement) -> CaseOutcome:
    """One case."""
    ran = judged.patched or judged.baseline
    failed = judged.failed_gate
    last = failed or (judged.gates[-1] if judged.gates else None)
    return CaseOutcome(
        model=judged.case.model,
        test=judged.case.test,
        status=judged.status,
        outcome=ran.outcome if ran else Outcome.OK,
        gate=last.gate if last else None,
        error=judged.error,
        baseline=baseline_outcome(judged),
        reason=judged.reason,
        flaky=judged.flaky,
        difference=failed,
        seconds=ArmSeconds(_seconds(judged.baseline), _seconds(judged.patched)),
        stages=_stages(judged),
    )


def baseline_outcome(judged: CaseJudgement) -> BaselineOutcome:
    """The case on pristine."""
    baseline = judged.baseline
    if baseline is None or baseline.not_applicable:
        note = baseline.not_applicable if baseline else judged.note
        return BaselineOutcome(Status.NOT_APPLICABLE, Outcome.OK, note or None)
    failed = next((gate for gate in judged.baseline_gates if not gate.passed), None)
    error = baseline.failure.text if baseline.failure else (failed.message if failed else None)
    status = Status.FAIL if error is not None else Status.PASS
    return BaselineOutcome(status, baseline.outcome, error)


def _seconds(result: CaseResult | None) -> float | None:
    return result.measure.wall_s if result is not None and result.measure else None


def _stages(judged: CaseJudgement) -> list[StageOutcome]:
    stages = judged.baseline.stages if judged.baseline else ()
    actual = {stage.name: stage.sha256 for stage in judged.patched.stages} if judged.patched else {}
    return [
        StageOutcome(
            stage.name,
            stage.dtype,
            stage.shape,
            actual[stage.name] == stage.sha256 if stage.name in actual else None,
        )
        for stage in stages
    ]


def drawn_outcome(further: Further) -> DrawnOutcome:
    """A call beyond the matrix."""
    return DrawnOutcome(
        **vars(case_outcome(further.judgement)), kind=further.kind, options=further.options
    )


def cause_of(diagnosis: Diagnosis) -> FailureCause:
    """A diagnosis, its cases by name."""
    cases = [str(case) for case in diagnosis.cases]
    return FailureCause(**{**vars(diagnosis), "cases": cases})


def exercised_edit(exercise: Exercise) -> ExercisedEdit:
    """What ran of an edit."""
    place = exercise.place
    return ExercisedEdit(
        place.patch, place.file, place.lines[0], place.function, exercise.kind, exercise.cases
    )


def life_outcome(life: Life) -> LifeOutcome:
    """A long life."""
    arms = [_arm_life(each) if each else None for each in (life.baseline, life.patched)]
    return LifeOutcome(life.model, life.calls, life.gate.passed, life.gate.message, *arms)


def _arm_life(lived: Lived) -> ArmLife:
    return ArmLife(
        memory_mib=[round(each, 2) for each in lived.memory_mib],
        seconds=[round(each, 5) for each in lived.seconds],
        mib_a_call=round(lived.mib_a_call, 4),
        slowing=round(lived.slowing, 3),
    )
