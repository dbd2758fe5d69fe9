"""A target without tensors is watched without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from patcher.worker.tracing import acts
from tests.tracing.programs import line_of, program

CODE = """
def trim(x):
    if len(x) > 3:
        x[0] = 1
    return x


def fail():
    return trim(())[0]
"""


def test_it_says_where_an_act_failed_and_what_the_tests_around_a_line_came_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = program(tmp_path, CODE)
    monkeypatch.setattr(acts, "has_torch", lambda: False)
    watch: list[acts.WatchJson] = [
        {"file": "voice.py", "line": line_of(tmp_path, "        x[0] = 1")}
    ]
    runs = {"open": lambda: None, "long": lambda: module.trim([0] * 4), "empty": module.fail}
    actual = acts.observe(runs, str(tmp_path), watch, tensors=False)
    assert (actual["acts"], actual["events"], actual["operators"]) == ([*runs], [], 0)
    (failed,) = actual["failures"]
    assert (failed["act"], failed["type"]) == ("empty", "IndexError")
    assert failed["at"] is not None
    assert failed["at"]["line"] == line_of(tmp_path, "    return trim(())[0]")
    assert [(e["act"], e["reached"]) for e in actual["watched"]] == [("long", 1), ("empty", 0)]


def test_torch_is_not_imported_for_it(tmp_path: Path) -> None:
    (tmp_path / "voice.py").write_text(CODE)
    code = f"""
import sys
from patcher.worker.tracing.acts import observe
sys.path.insert(0, {str(tmp_path)!r})
import voice
observe({{"long": lambda: voice.trim([0] * 4)}}, {str(tmp_path)!r}, tensors=False)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("tensors", "loaded", "times"),
    [
        pytest.param(False, [False, True], 2, id="by another package"),
        pytest.param(True, [], 1, id="its files name it"),
    ],
)
def test_a_target_that_loads_torch_is_surveyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tensors: bool, loaded: list[bool], times: int
) -> None:
    torch = pytest.importorskip("torch")
    answers = iter(loaded)
    monkeypatch.setattr(acts, "has_torch", lambda: next(answers))
    made = []

    def act() -> None:
        made.append(torch.zeros(2).add_(1))

    program(tmp_path, CODE)
    actual = acts.observe({"add": act}, str(tmp_path), tensors=tensors)
    assert actual["operators"] > 0
    assert len(made) == times
