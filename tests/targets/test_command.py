"""A target without an adapter: its command's exit status and time, on either arm's tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.execution.results import Outcome
from patcher.results.judged import baseline_outcome
from patcher.targets import find_adapter
from patcher.verify.judge import judge
from patcher.verify.judgement import Verdict
from tests.verify.judging import request

if TYPE_CHECKING:
    from pathlib import Path

SINGS = ["python", "-c", "import hum; print(len(hum.Hum().hum('abc')))"]
RAISES = (
    "        rng = random.Random(seed)\n",
    "        raise OSError('no voice')\n        rng = random.Random(seed)\n",
)


def judged(folder: Path, command: list[str], *changes: tuple[str, str], **options: Any) -> Any:
    adapter = find_adapter("hum", {"command": command}, root=folder)
    assert adapter is not None
    asked = request(folder, *changes, adapter=adapter, matrix=adapter.matrix({}), **options)
    return judge(asked)


def test_a_command_that_exits_0_on_both_trees_passes_and_is_timed(tmp_path: Path) -> None:
    actual = judged(tmp_path, SINGS)
    assert actual.verdict is Verdict.PASS
    (case,) = actual.cases
    assert case.patched.measure.wall_s > 0
    assert case.patched.stages == ()
    assert case.gates[-1].gate == "exit-status"
    assert "nothing was compared" in case.gates[-1].message


def test_a_command_that_fails_on_the_patched_tree_fails_with_its_last_line(tmp_path: Path) -> None:
    actual = judged(tmp_path, SINGS, RAISES)
    assert actual.verdict is Verdict.FAIL
    assert actual.cases[0].error == "exit status 1: OSError: no voice"
    assert "Traceback" in actual.cases[0].patched.failure.log


def test_a_command_that_hangs_is_ended_with_everything_it_started(tmp_path: Path) -> None:
    hang = ["python", "-c", "import time, hum.voice; time.sleep(hum.voice.ROUNDS / 20)"]
    actual = judged(tmp_path, hang, ("ROUNDS = 2", "ROUNDS = 1800"), timeout_s=1.5)
    assert actual.cases[0].patched.outcome is Outcome.TIMEOUT
    assert actual.wall_s < 60


def test_a_command_that_does_not_exist_cannot_judge(tmp_path: Path) -> None:
    actual = judged(tmp_path, ["no-such-command"])
    assert actual.verdict is Verdict.CANNOT_JUDGE
    assert "no-such-command" in str(baseline_outcome(actual.cases[0]).error)
