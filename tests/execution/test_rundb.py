"""The run database: what is found again, what is not, and what survives an interruption."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from patcher.execution.results import Arm, Case, CaseResult, Failure, Frame, Measure, Outcome, Stage
from patcher.execution.rundb import RunDb, key_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> RunDb:
    return RunDb(tmp_path / "runs" / "runs.sqlite")


@pytest.fixture
def result(tmp_path: Path) -> CaseResult:
    kept = tmp_path / "stage"
    kept.write_bytes(b"\0\0\0\0")
    return CaseResult(
        Case("m", "t"),
        Arm.BASELINE,
        Outcome.OK,
        stages=(Stage("waveform", "float32", (1, 1), "ab", str(kept)),),
        measure=Measure(1.5, 2.0, 50, {"mel": 0.5}, 12.0),
        sample_rate=24_000,
        expected_s=(1.0, 3.0),
        facts={"device": "cpu"},
    )


def test_a_result_comes_back_as_it_was_and_says_that_it_was_reused(
    db: RunDb, result: CaseResult
) -> None:
    db.keep(db.begin("run"), "key", result)
    assert db.find(99, "key", Arm.BASELINE) == replace(result, reused=True)


def test_a_failure_comes_back_with_its_frames(db: RunDb, result: CaseResult) -> None:
    failure = Failure("exception", "ValueError", "no", (Frame("a.py", 3, "f", "x", True),), "log")
    failed = replace(
        result, arm=Arm.PATCHED, outcome=Outcome.EXCEPTION, failure=failure, measure=None
    )
    run = db.begin("run")
    db.keep(run, "key", failed)
    assert db.find(run, "key", Arm.PATCHED) == replace(failed, reused=True)


def test_a_patched_result_serves_its_own_run_only(db: RunDb, result: CaseResult) -> None:
    run = db.begin("run")
    db.keep(run, "key", replace(result, arm=Arm.PATCHED))
    assert db.find(run, "key", Arm.PATCHED) is not None
    assert db.find(run + 1, "key", Arm.PATCHED) is None


def test_a_failed_baseline_is_never_reused(db: RunDb, result: CaseResult) -> None:
    db.keep(1, "key", replace(result, outcome=Outcome.OOM, failure=Failure("host-oom")))
    assert db.find(1, "key", Arm.BASELINE) is None


def test_a_result_whose_stage_files_are_gone_is_not_reused(
    db: RunDb, result: CaseResult, tmp_path: Path
) -> None:
    db.keep(1, "key", result)
    (tmp_path / "stage").unlink()
    assert db.find(1, "key", Arm.BASELINE) is None


def test_an_unfinished_run_is_taken_up_again_and_a_finished_one_is_not(db: RunDb) -> None:
    run = db.begin("same request")
    assert db.begin("same request") == run
    assert db.begin("another request") != run
    db.finish(run, {"verdict": "pass"})
    assert db.begin("same request") not in (run,)


def test_history_lists_finished_runs_newest_first(db: RunDb) -> None:
    for verdict in ("fail", "pass"):
        db.finish(db.begin(verdict), {"verdict": verdict})
    db.begin("unfinished")
    assert [entry["verdict"] for entry in db.history()] == ["pass", "fail"]
    assert all(entry["finished_at"] >= entry["started_at"] for entry in db.history())


def test_keys_differ_with_any_part_and_not_with_the_order_of_a_mapping() -> None:
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})
    assert key_of("a", {"x": 1}) != key_of("a", {"x": 2}) != key_of("b", {"x": 2})


def test_old_runs_are_forgotten_with_their_files_and_stay_in_the_history(
    db: RunDb, result: CaseResult, tmp_path: Path
) -> None:
    stages, logs = tmp_path / "stages", tmp_path / "logs"
    logs.mkdir()
    for number in range(3):
        file = stages / "ab" / str(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        run = db.begin(str(number))
        for written in (file, logs / f"{number}.log"):
            written.write_bytes(b"")
        stage = replace(result.stages[0], path=str(file))
        db.keep(run, f"key {number}", replace(result, stages=(stage,)))
        db.finish(run, {"verdict": "pass"})
    db.prune(stages, logs, keep=2)
    assert sorted(file.name for file in stages.glob("*/*")) == ["1", "2"]
    assert sorted(file.name for file in logs.iterdir()) == ["1.log", "2.log"]
    assert db.find(0, "key 0", Arm.BASELINE) is None
    assert db.find(0, "key 1", Arm.BASELINE) is not None
    assert len(db.history()) == 3
