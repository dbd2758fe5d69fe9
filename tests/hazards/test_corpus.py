"""Prediction on small modules with known answers, against what fails when they are patched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hazards.corpora import marked

REPOSITORY = Path(__file__).resolve().parents[2]
Lines = set[tuple[str, int]]

# `.data` of a parameter made under inference mode is an inference tensor that torch lets pass.
FALSE_ALARMS = {("parameter_inside_data.py", 14)}


@pytest.fixture(scope="module")
def corpus() -> dict[str, Any]:
    """Every module predicted and run, in one process of its own."""
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", "tests.hazards.corpora"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture
def seen(corpus: dict[str, Any]) -> Lines:
    return {(name, line) for name, line, _ in corpus["failures"]}


@pytest.fixture
def predicted(corpus: dict[str, Any]) -> Lines:
    return {(name, line) for name, line in corpus["predicted"]}


def test_the_corpus_holds_at_least_forty_modules_and_every_one_runs_to_its_end(
    corpus: dict[str, Any],
) -> None:
    assert corpus["modules"] >= 40
    assert corpus["stopped"] == []


def test_the_marks_in_the_modules_are_what_torch_refuses(seen: Lines) -> None:
    assert seen == marked()


def test_every_failure_that_ran_was_predicted_and_precision_is_printed(
    seen: Lines, predicted: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    hits = len(seen & predicted)
    with capsys.disabled():
        print(
            f"\n  corpus: {len(seen)} failures, {len(predicted)} predicted, "
            f"precision {hits / len(predicted):.3f}, recall {hits / len(seen):.3f}"
        )
    assert seen <= predicted


def test_the_only_false_alarm_is_the_known_one(seen: Lines, predicted: Lines) -> None:
    assert predicted - seen == FALSE_ALARMS
