"""Rounds: many subjects take turns beside pristine, and one that fails stops no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from patcher.bench.rounds import (
    Deadline,
    DoWork,
    Remeasured,
    TimedWork,
    in_batches,
    run_rounds,
    stage_speed,
)
from patcher.errors import PatcherError
from patcher.execution.executor import Step
from patcher.execution.held import HeldWorker
from patcher.execution.process import WorkerSite
from tests.verify.judging import REPOSITORY, tree

PRISTINE = "pristine"


def doer(name: str, log: list[tuple[str, str]], fails_at: int = -1) -> DoWork:
    def do(work: str) -> TimedWork:
        if sum(each == name for each, _ in log) == fails_at:
            raise PatcherError("environment", "no more")
        log.append((name, work))
        return TimedWork({work: 1.0}, tokens=5)

    return do


def test_batches_keep_the_same_work_together_and_leave_room_for_pristine() -> None:
    works = {"a": ["mel"], "b": ["speech_tokens"], "c": ["mel"], "d": ["speech_tokens"]}
    assert in_batches(works, PRISTINE, 3) == [["a", "c"], ["b", "d"]]
    assert [len(group) for group in in_batches(works, PRISTINE, 1)] == [1, 1, 1, 1]


def test_rounds_turn_their_order_round_and_compare_stage_by_stage() -> None:
    log: list[tuple[str, str]] = []
    works = {PRISTINE: ["mel", "vocoder"], "a": ["mel"], "b": ["mel", "vocoder"]}
    loaded = {name: doer(name, log) for name in works}
    result = run_rounds(loaded, works, 2, Deadline(None), print)
    assert not any(rounds.failure for rounds in result.values())
    assert [len(rounds.done) for rounds in result.values()] == [2, 2, 2]
    mels = [name for name, work in log if work == "mel"]
    assert mels[:3] == mels[3:][::-1]
    assert [work for _, work in log[:5]] == ["mel"] * 3 + ["vocoder"] * 2
    assert set(result["a"].beside(result[PRISTINE], 0.03)) == {"mel"}


def test_one_that_fails_does_not_stop_the_others() -> None:
    log: list[tuple[str, str]] = []
    works = {PRISTINE: ["mel"], "a": ["mel"], "b": ["mel"]}
    loaded = {name: doer(name, log, fails_at=1 if name == "a" else -1) for name in works}
    result = run_rounds(loaded, works, 3, Deadline(None), print)
    assert {name: rounds.failure for name, rounds in result.items() if rounds.failure} == {
        "a": "no more"
    }
    assert len(result["b"].done) == len(result[PRISTINE].done) == 3


def clocked(seconds: list[float]) -> DoWork:
    turns = iter(seconds)
    return lambda work: TimedWork({work: next(turns), "a part": 0.1}, tokens=5)


def test_a_round_that_a_neighbour_disturbed_is_measured_again_by_all() -> None:
    loaded = {
        PRISTINE: clocked([1.0, 1.0, 7.0, 1.0, 1.0, 1.0, 1.1]),
        "a": clocked([0.5, 0.5, 0.6, 0.5, 0.5, 0.5, 0.5]),
    }
    works = {name: ["generation"] for name in loaded}
    result = run_rounds(loaded, works, 6, Deadline(None), print)
    assert result[PRISTINE].stages["generation"] == [1.0, 1.0, 1.0, 1.0, 1.0, 1.1]
    assert result["a"].stages["generation"] == [0.5] * 6
    assert {each.remeasured for each in result.values()} == {Remeasured(again=1)}
    assert result["a"].beside(result[PRISTINE], 0.03)["generation"].verdict == "faster"


def test_measuring_again_ends_with_its_budget_and_the_result_says_so() -> None:
    disturbed = [1.0] * 4 + [5.0, 1.0] * 4
    loaded = {PRISTINE: clocked(disturbed), "a": clocked([1.0] * 5 + [5.0] + [1.0] * 6)}
    works = {name: ["generation"] for name in loaded}
    result = run_rounds(loaded, works, 6, Deadline(None), print)
    assert len(result["a"].done) == 6
    assert result["a"].remeasured == Remeasured(again=4)
    ended = run_rounds(
        {PRISTINE: clocked([1.0] * 5 + [5.0]), "a": clocked([1.0] * 6)},
        works,
        6,
        Once(),
        print,
    )
    assert len(ended["a"].done) == 6
    assert ended["a"].remeasured == Remeasured(left=1)


class Once(Deadline):
    """Has time for six rounds."""

    def __init__(self) -> None:
        super().__init__(None)
        self.asked = 0

    def fits(self, seconds: float) -> bool:
        self.asked += 1
        return self.asked <= 6


def test_a_subject_that_alone_is_slow_now_and_then_keeps_its_slow_rounds() -> None:
    own = [0.5, 1.5, 0.5, 1.5, 0.5, 0.5, 1.5, 0.5]
    loaded = {PRISTINE: clocked([1.0] * 8), "a": clocked(own)}
    works = {name: ["generation"] for name in loaded}
    result = run_rounds(loaded, works, 6, Deadline(None), print)
    assert result["a"].stages["generation"] == own
    assert result["a"].remeasured == Remeasured(own="a")


def test_where_every_subject_fails_the_rounds_come_to_an_end() -> None:
    works = {PRISTINE: ["mel"], "a": ["mel"]}
    loaded = {name: doer(name, [], fails_at=0) for name in works}
    result = run_rounds(loaded, works, 2, Deadline(None), print)
    assert [rounds.failure for rounds in result.values()] == ["no more", "no more"]


def test_no_round_begins_after_the_deadline() -> None:
    result = run_rounds({PRISTINE: doer(PRISTINE, [])}, {PRISTINE: ["mel"]}, 3, Deadline(0), print)
    assert not result[PRISTINE].done


def test_six_equal_signs_decide_and_five_do_not() -> None:
    assert stage_speed([0.5] * 6, [1.0] * 6, 0.03).verdict == "faster"
    assert stage_speed([2.0] * 6, [1.0] * 6, 0.03).verdict == "slower"
    assert stage_speed([1.0] * 6, [1.0] * 6, 0.03).verdict == "no-measurable-change"
    assert stage_speed([0.5] * 5, [1.0] * 5, 0.03).verdict == "undecided"


def test_a_held_worker_keeps_its_session_from_request_to_request(tmp_path: Path) -> None:
    where = WorkerSite(
        tree(tmp_path / "tree"),
        "tests.smalltarget.adapter:open_session",
        tmp_path / "logs",
        tmp_path / "stages",
        sys_path=(str(REPOSITORY),),
    )
    opening = {"model": {"name": "m", "options": {"pitch": 110.0}}, "seed": 0}
    asking = {"function": "builtins:id", "arguments": {}, "session": True}
    with HeldWorker(where) as worker:
        worker.ask(Step("open", opening, 20))
        first, second = (worker.ask(Step("call", asking, 20)).value for _ in range(2))
        with pytest.raises(PatcherError, match="no_such_name"):
            worker.ask(Step("call", {"function": "builtins:no_such_name", "arguments": {}}, 20))
        assert worker.ask(Step("call", asking, 20)).value == first
    assert first == second
    with pytest.raises(PatcherError, match="no answer after 1 s"), HeldWorker(where) as worker:
        worker.ask(Step("call", {"function": "tests.bench.endless:wait", "arguments": {}}, 1))
