"""Gates of the whole matrix at one size, the clock on a part of it at another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from patcher.bench.answers import AnswerCheck, JudgedAnswer
from patcher.bench.records import Fault, ProcessTiming, TimedPair
from patcher.bench.speed import QUICK
from patcher.execution.results import Arm
from patcher.execution.rundb import RunDb
from patcher.patchfile.model import Equivalence
from patcher.targets.adapter import Assets, Matrix, Options
from patcher.verify.judge import judge, time_again
from patcher.verify.judgement import Verdict
from patcher.verify.plan import CallReason, make_plan
from patcher.verify.setup import Timed
from patcher.verify.timing import TimingOptions, measure_speed
from tests.smalltarget.adapter import MODELS, TESTS, HumAdapter, Model
from tests.verify.judging import one_case, request

if TYPE_CHECKING:
    from pathlib import Path

PLAN = replace(QUICK, looks=(1,), reruns=0)
SHARED = (CallReason.EDGE, CallReason.RESEEDED, CallReason.REFUSED)


@dataclass(frozen=True)
class Sized(HumAdapter):
    """A target whose weights have a size, and whose models run the same code."""

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        return Assets(f"{options.scale} weights", fingerprint=options.scale)

    def code_of(self, model: Model) -> str:
        return "hum"


def test_the_clock_looks_at_its_own_part_of_the_matrix_in_its_own_size(tmp_path: Path) -> None:
    asked = request(tmp_path, adapter=Sized(), clock=Timed("full", one_case()))
    options = TimingOptions(PLAN)
    actual = judge(asked, measure_speed=partial(measure_speed, options=options))
    assert (actual.verdict, len(actual.cases)) == (Verdict.PASS, 4)
    assert actual.weights == "tiny weights"
    (pair,) = actual.speed.run.pairs  # type: ignore[union-attr]
    assert [str(each.case) for each in pair.baseline.cases] == ["Low hum / Short"]
    assert actual.speed.environment["timed"] == "full weights"  # type: ignore[union-attr]


def kinds(seed: int, *, full: bool = False) -> dict[str, set[CallReason]]:
    plan = make_plan(Sized(), Matrix(MODELS, TESTS), seed=seed, full=full)
    return {model.name: {call.kind for call in plan.of_model(model)} for model in MODELS}


def test_of_models_with_the_same_code_one_is_put_through_the_rarer_calls() -> None:
    chosen = set()
    for seed in range(20):
        by_model = kinds(seed)
        assert all({CallReason.DRAWN, CallReason.AGAIN} <= own for own in by_model.values())
        (close,) = (name for name, own in by_model.items() if own.intersection(SHARED))
        assert set(SHARED) <= by_model[close]
        chosen.add(close)
    assert chosen == {model.name for model in MODELS}, "which one, nobody knows before"


def test_the_full_plan_puts_every_model_through_all() -> None:
    assert all(set(SHARED) <= own for own in kinds(1, full=True).values())


def test_a_first_look_leaves_the_gates_of_timed_answers_to_the_measurement_after_it() -> None:
    timings = [ProcessTiming(arm, answers={"m / t / input 0": arm.value}) for arm in Arm]
    pair = TimedPair(0, 0, Arm.BASELINE, "s", *timings)
    wrong = {"m / t / input 0": JudgedAnswer("patched", "other words")}

    def check(judged: object) -> AnswerCheck:
        return AnswerCheck(Equivalence.CLOSE, lambda: timings[0], judged)  # type: ignore[arg-type]

    assert check(None)(pair) is None
    fault = check(lambda _: wrong)(pair)
    assert fault is not None
    assert "other words" in fault.sentence


def test_what_fails_while_it_is_timed_again_is_no_pass_on_record(tmp_path: Path) -> None:
    asked = request(tmp_path, matrix=one_case(), inputs=0)
    passed = judge(asked)
    record = RunDb(asked.run_dir / "runs.sqlite")
    assert [*record.passes(dict(passed.trees))]
    speed: Any = SimpleNamespace(fault=Fault("timed-wrong", "other bytes while timed"))
    actual = time_again(asked, passed, lambda *_: speed)
    assert (actual.verdict, actual.reason) == (Verdict.FAIL, "timed-wrong")
    assert not [*record.passes(dict(passed.trees))]
