"""The run database: what is found again, what is not, and what survives an interruption."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.execution.results import Arm, Case, CaseResult, Failure, Frame, Measure, Outcome, Stage
from patcher.execution.rundb import RunDb, key_of
from patcher.targets.adapter import Buffer

ZERO = Buffer("float32", (1, 1), bytes(4))


@pytest.fixture
def db(tmp_path: Path) -> RunDb:
    return RunDb(tmp_path / "runs" / "runs.sqlite")


@pytest.fixture
def result(tmp_path: Path) -> CaseResult:
    kept = tmp_path / "stage"
    kept.write_bytes(ZERO.data)
    return CaseResult(
        Case("m", "t"),
        Arm.BASELINE,
        Outcome.OK,
        stages=(Stage("waveform", ZERO.dtype, ZERO.shape, ZERO.sha256, str(kept)),),
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
            written.write_bytes(ZERO.data)
        stage = replace(result.stages[0], path=str(file))
        db.keep(run, f"key {number}", replace(result, stages=(stage,)))
        db.finish(run, {"verdict": "pass"})
    db.prune(stages, logs, keep=2)
    assert sorted(file.name for file in stages.glob("*/*")) == ["1", "2"]
    assert sorted(file.name for file in logs.iterdir()) == ["1.log", "2.log"]
    assert db.find(0, "key 0", Arm.BASELINE) is None
    assert db.find(0, "key 1", Arm.BASELINE) is not None
    assert len(db.history()) == 3


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + bytes(84)])
def test_a_file_that_is_no_database_is_set_aside_and_begun_anew(
    tmp_path: Path, result: CaseResult, content: bytes
) -> None:
    path = tmp_path / "runs" / "runs.sqlite"
    path.parent.mkdir()
    path.write_bytes(content)
    db = RunDb(path)
    db.keep(db.begin("run"), "key", result)
    assert db.find(1, "key", Arm.BASELINE) is not None
    if content:  # an empty file is what SQLite itself begins with
        (aside,) = path.parent.glob("runs.sqlite.broken")
        assert aside.read_bytes() == content
        assert str(path) in db.warnings[0]


def test_a_database_of_somebody_else_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table runs (name text)")
    assert RunDb(path).begin("run") == 1
    assert path.with_name("runs.sqlite.broken").exists()


def test_a_database_damaged_in_the_middle_of_a_run_costs_no_more_than_what_it_held(
    db: RunDb, result: CaseResult
) -> None:
    run = db.begin("run")
    db.path.write_bytes(b"x" * 4096)
    db.keep(run, "key", result)
    assert db.find(run, "key", Arm.BASELINE) == replace(result, reused=True)
    db.path.write_bytes(b"y" * 4096)
    db.finish(run, {"verdict": "pass"})
    assert [one["verdict"] for one in db.history()] == ["pass"]
    assert len(db.warnings) == 2


def test_a_result_that_cannot_be_read_is_run_again(db: RunDb, result: CaseResult) -> None:
    db.keep(db.begin("run"), "key", result)
    with closing(sqlite3.connect(db.path)) as opened, opened:
        opened.execute("update results set payload = '{}'")
    assert db.find(1, "key", Arm.BASELINE) is None
    assert "run again" in db.warnings[0]


@pytest.mark.parametrize("content", [b"", b"\0" * 3, b"\1\0\0\0"])
def test_a_stage_file_of_other_bytes_is_set_aside_and_not_used(
    db: RunDb, result: CaseResult, content: bytes
) -> None:
    path = Path(result.stages[0].path)
    db.keep(db.begin("run"), "key", result)
    path.write_bytes(content)
    assert db.find(1, "key", Arm.BASELINE) is None
    assert not path.exists()
    assert path.with_name("stage.broken").read_bytes() == content
    assert str(path) in db.warnings[0]


def test_passes_of_these_trees_count_until_they_came_to_anything_else(db: RunDb) -> None:
    def finished(verdict: str, tree: str, seed: int) -> int:
        run = db.begin(verdict)
        request = {"trees": {"patched": tree}, "inputs": {"seed": seed}, "sandbox": True}
        db.finish(run, {"verdict": verdict, **request})
        return run

    finished("pass", "one", 1)
    finished("fail", "one", 2)
    assert db.passes({"patched": "one"}) == []
    first, other = finished("pass", "one", 3), finished("fail", "two", 4)
    second = finished("pass", "one", 5)
    assert other
    assert [(each.id, each.seed) for each in db.passes({"patched": "one"})] == [
        (second, 5),
        (first, 3),
    ]
    db.finish(db.begin("old"), {"verdict": "pass"})  # of an earlier patcher
    assert len(db.passes({"patched": "one"})) == 2
