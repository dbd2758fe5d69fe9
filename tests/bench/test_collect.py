"""Whether the inputs of a timing process were different, as the worker that drew them tells."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from patcher.bench.collect import Purpose, collect
from patcher.bench.records import CaseTiming, ProcessTiming
from patcher.execution.executor import Report
from patcher.execution.results import Arm, Case
from patcher.targets.adapter import Model, Opening, Test
from patcher.worker.workloads import WorkloadSession

CASE = Case("adder", "work")
RUN = {"stage_s": {}, "memory_mib": None, "audio_s": None, "tokens": None}


def timed(inputs: list[str | None]) -> CaseTiming:
    """A process whose inputs were drawn so, all of them timed in one batch."""
    names = tuple(f"work / input {number}" for number in range(len(inputs)))
    prepared = Report(0, 0, value={"inputs": inputs})
    answer = Report(0, 1, value={"runs": [RUN] * len(inputs)}, wall_s=1.0)
    steps = [
        (Purpose("prepare", "adder", inputs=names), prepared),
        (Purpose("warm", "adder", "work", inputs=names), answer),
    ]
    return collect(Arm.BASELINE, steps, 0.0, "").case(CASE)


def test_few_different_inputs_are_not_fresh() -> None:
    few = timed([str(number % 8) for number in range(100)])
    assert (few.fresh, few.different) == (False, (8, 100))


def test_inputs_that_meet_by_chance_are() -> None:
    most = timed([str(number % 97) for number in range(100)])
    assert (most.fresh, most.different) == (True, (97, 100))


def test_where_nobody_can_tell_inputs_apart_they_count_as_what_was_asked_for() -> None:
    unknown = timed([None] * 100)
    assert (unknown.fresh, unknown.different) == (True, None)


def test_it_is_kept_with_the_pairs() -> None:
    from dataclasses import asdict

    process = ProcessTiming(Arm.BASELINE, (timed(["one", "one"]),))
    kept = {**asdict(process), "arm": "baseline", "outcome": process.outcome.value}
    assert ProcessTiming.from_json(kept).cases[0].different == (1, 2)


WORK = """\
def draw(rng):
    return {drawn}

def work(number):
    return number
"""


@pytest.mark.parametrize(
    ("drawn", "different"),
    [
        ("rng.choice([1, 2, 3])", 3),
        ("rng.random()", 40),
        ("{'number': [rng.random()] * 2}", 40),
        ("iter([rng.choice('ab')])", 0),  # cannot be written down, and is not used up
        ("(line for line in 'ab')", 0),
    ],
)
def test_a_session_tells_inputs_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: str, different: int
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "bench", sys)  # what a session puts there goes again
    (tmp_path / "bench.py").write_text(WORK.format(drawn=drawn))
    model = Model("adder", {"calls": ["bench.py:work"]})
    opening = Opening(model, {"root": str(tmp_path)})
    session = WorkloadSession(opening)
    options = {"kind": "call", "call": "bench.py:work"}
    tests = [Test(f"work / input {seed}", {**options, "draw": seed}) for seed in range(40)]
    told = [session.prepare(test) for test in tests]
    assert len(set(told) - {None}) == different
    assert session.prepare(Test("fixed", {**options, "arguments": {"number": 1}})) is None
    if drawn.startswith("iter"):
        (returned,) = session.drawn["work / input 0", 0][0]
        assert next(returned) in "ab"
