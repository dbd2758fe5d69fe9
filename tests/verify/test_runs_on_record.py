"""What ran before is not run again, unless anything that it rests on changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from patcher.execution.results import Arm
from patcher.execution.runner import Silent
from patcher.results.judged import case_outcome, drawn_outcome
from patcher.targets.adapter import Matrix, Model
from patcher.verify.judge import judge
from patcher.verify.judgement import Verdict
from tests.smalltarget.adapter import MODELS, TESTS, adapter
from tests.verify.judging import (
    Watcher,
    at_start,
    one_case,
    request,
)

if TYPE_CHECKING:
    pass


def test_an_equal_baseline_is_not_run_twice(tmp_path: Path) -> None:
    first = Watcher()
    judge(request(tmp_path), first)
    assert [outcome for _, outcome in first.finished_runs(Arm.BASELINE)] == ["ok"] * 4
    again = Watcher()
    actual = judge(request(tmp_path, at_start("raise OSError('x')")), again)
    assert [outcome for _, outcome in again.finished_runs(Arm.BASELINE)] == ["reused"] * 4
    assert actual.verdict is Verdict.FAIL
    assert any("4 baseline results come from an earlier run" in each for each in actual.warnings)
    fresh = Watcher()
    judge(request(tmp_path, fresh=True), fresh)
    assert "reused" not in {outcome for _, outcome in fresh.finished_runs()}


def test_a_baseline_is_run_again_when_anything_it_rests_on_changed(tmp_path: Path) -> None:
    judge(request(tmp_path, matrix=one_case()))
    other = Matrix((Model(MODELS[0].name, {"pitch": 111.0}),), TESTS[:1])
    watcher = Watcher()
    judge(request(tmp_path, matrix=other), watcher)
    assert [outcome for _, outcome in watcher.finished_runs(Arm.BASELINE)] == ["ok"]
    watcher = Watcher()
    judge(request(tmp_path, matrix=one_case(), jobs=1), watcher)  # other threads a worker
    threads = {outcome for _, outcome in watcher.finished_runs(Arm.BASELINE)}
    assert threads <= {"ok", "reused"}


class Interrupt(Silent):
    """An observer that interrupts when ``count`` patched cases are done."""

    def __init__(self, count: int) -> None:
        self.count = count

    def finished(self, result: Any, purpose: str) -> None:
        self.count -= result.arm is Arm.PATCHED
        if not self.count:
            raise KeyboardInterrupt


def calls_of(watcher: Watcher, arm: Arm) -> int:
    """How many calls an arm made, further ones included."""
    return sum(event[0] == "finished" and event[1] == arm.value for event in watcher.events)


def test_an_interrupted_verification_resumes_with_the_model_it_was_on(tmp_path: Path) -> None:
    """Its calls are made again, for what they return is read once more after all of them."""
    watcher = Watcher()
    judge(request(tmp_path, jobs=1, seed=3), watcher)
    asked = request(tmp_path, jobs=1, seed=3, run_dir=tmp_path / "interrupted")
    with pytest.raises(KeyboardInterrupt):
        judge(asked, Interrupt(calls_of(watcher, Arm.PATCHED) // 2 + 1))
    watcher = Watcher()
    actual = judge(asked, watcher)
    assert actual.verdict is Verdict.PASS
    outcomes = [outcome for _, outcome in watcher.finished_runs(Arm.PATCHED)]
    assert outcomes == ["reused", "reused", "ok", "ok"]
    repeated = Watcher()
    judge(asked, repeated)  # a finished one is repeated, not resumed
    assert [outcome for _, outcome in repeated.finished_runs(Arm.PATCHED)] == ["ok"] * 4


def test_an_interruption_does_not_hide_results_that_later_calls_change(tmp_path: Path) -> None:
    shared = (
        "return samples if gain == 1.0 else",
        "import sys; kept = vars(sys).setdefault('_kept', []); kept[:] = samples; return kept or",
    )
    options: dict[str, Any] = {"jobs": 1, "seed": 3, "matrix": one_case()}
    watcher = Watcher()
    assert judge(request(tmp_path, shared, **options), watcher).verdict is Verdict.FAIL
    asked = request(tmp_path, shared, run_dir=tmp_path / "interrupted", **options)
    with pytest.raises(KeyboardInterrupt):  # every call is made, none of the results read again
        judge(asked, Interrupt(calls_of(watcher, Arm.PATCHED)))
    actual = judge(asked)
    assert actual.verdict is Verdict.FAIL
    assert "changed by later calls" in str([actual.cases, actual.further])


def test_a_bench_takes_over_what_was_read_once_more(tmp_path: Path) -> None:
    asked = request(tmp_path, jobs=1, seed=3)
    judge(asked)
    judgement = judge(replace(asked, reuse_pass=True))
    assert all(each.patched and each.patched.reused for each in judgement.cases)
    assert all(each.patched and each.patched.later for each in judgement.cases)


def runs(folder: Path, *changes: Any, **options: Any) -> tuple[list[str], list[str], Any]:
    """How each run of the patched arm came by its result, the notes, and the judgement."""
    watcher = Watcher()
    made = [*folder.glob("baseline-*")]
    asked = request(folder, *changes, jobs=1, reuse_pass=True, **options)
    assert len(made) < len([*folder.glob("baseline-*")])  # trees of another place, the same bytes
    judgement = judge(asked, watcher)
    outcomes = [outcome for _, outcome in watcher.finished_runs(Arm.PATCHED)]
    return outcomes, list(judgement.warnings), judgement


def test_a_pass_on_record_stands_for_the_runs_of_the_gates(tmp_path: Path) -> None:
    first = judge(request(tmp_path, jobs=1))
    outcomes, notes, actual = runs(tmp_path)
    assert outcomes == ["reused"] * 4
    assert "the gates' runs are on record from a pass of the same trees: none is repeated" in notes
    assert (actual.verdict, actual.seed) == (Verdict.PASS, first.seed)
    assert list(map(case_outcome, actual.cases)) == list(map(case_outcome, first.cases))
    assert list(map(drawn_outcome, actual.further)) == list(map(drawn_outcome, first.further))
    assert actual.exercised == first.exercised
    again, _, _ = runs(tmp_path)  # what was taken over stands for the next one
    assert again == ["reused"] * 4


def test_a_pass_of_more_stands_for_less_and_not_the_other_way_round(tmp_path: Path) -> None:
    assert judge(request(tmp_path, jobs=1, matrix=one_case())).verdict is Verdict.PASS
    outcomes, notes, _ = runs(tmp_path, why_not="of the pass on record, it had other cases")
    assert outcomes == ["ok"] * 4
    assert "the gates run again: of the pass on record, it had other cases" in notes
    whole = adapter.matrix({})
    fewer, _, _ = runs(tmp_path, matrix=Matrix(whole.models[1:], whole.tests))
    assert fewer == ["reused"] * 2


def test_a_pass_without_guards_stands_for_nothing_that_is_guarded(tmp_path: Path) -> None:
    assert judge(request(tmp_path, jobs=1, sandbox=False)).verdict is Verdict.PASS
    assert runs(tmp_path)[0] == ["ok"] * 4


def test_a_pass_whose_stages_are_not_as_they_were_stands_for_nothing(tmp_path: Path) -> None:
    assert judge(request(tmp_path, jobs=1)).verdict is Verdict.PASS
    file = next(path for path in (tmp_path / "runs" / "stages").rglob("*") if path.is_file())
    file.chmod(0o644)
    file.write_bytes(b"other bytes")
    assert "ok" in runs(tmp_path)[0]
