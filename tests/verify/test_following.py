"""Which edited lines run in the processes that commands and test suites start."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from patcher.execution.results import Arm
from patcher.targets import find_adapter
from patcher.verify.exercised import places_of
from patcher.verify.judge import judge
from patcher.verify.judgement import Verdict
from tests.verify.judging import request

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.verify.judgement import Judgement

VOICE = "hum/voice.py"
EDIT = ("        polished = table\n", "        polished = list(table)\n")
IMPORTS = ["python", "-c", "import hum"]
SINGS = "import hum; hum.Hum().hum('abc')"
ENDS_AT_ONCE = f"import os\nif os.fork() == 0:\n    {SINGS}\n    os._exit(0)\nos.wait()"
IN_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SINGS!r}])"


def followed(folder: Path, config: dict[str, Any]) -> Judgement:
    """The small target judged by a workload in ``folder``, the series' places known."""
    adapter = find_adapter("hum", config, root=folder, packages=("hum",))
    assert adapter is not None
    asked = request(folder, EDIT, adapter=adapter, matrix=adapter.matrix(config), sys_path=())
    before, after = ((asked.trees[arm].path / VOICE).read_bytes() for arm in Arm)
    places = places_of([("tried", {VOICE: after})], {VOICE: before}.get)
    return judge(replace(asked, places=places))


def kinds(actual: Judgement) -> dict[str, str]:
    return {each.place.function: each.kind for each in actual.exercised}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(SINGS, id="in the command's own process", marks=pytest.mark.slow),
        pytest.param(IN_A_CHILD, id="in a process that it starts", marks=pytest.mark.slow),
        pytest.param(ENDS_AT_ONCE, id="in a fork that ends without a word"),
    ],
)
def test_an_edit_that_a_command_runs_is_exercised(code: str, tmp_path: Path) -> None:
    actual = followed(tmp_path, {"command": ["python", "-c", code]})
    assert actual.verdict is Verdict.PASS, actual.sentence
    assert kinds(actual) == {"Hum.polish": "ran"}


def test_an_edit_that_a_command_does_not_reach_is_no_pass(tmp_path: Path) -> None:
    actual = followed(tmp_path, {"command": IMPORTS})
    assert actual.verdict is Verdict.NOT_EXERCISED
    assert "hum/voice.py" in actual.sentence
    assert kinds(actual) == {"Hum.polish": "never"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(
            "assert hum.Hum().hum('abc')", "ran", id="that it runs", marks=pytest.mark.slow
        ),
        pytest.param("hum.Hum()", "never", id="that it does not run"),
    ],
)
def test_a_suite_names_an_edit(body: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "test_hum.py").write_text(f"import hum\ndef test_it():\n    {body}\n")
    command = ["pytest", "-q", "--disable-plugin-autoload", "test_hum.py"]
    actual = followed(tmp_path, {"tests": command})
    assert kinds(actual) == {"Hum.polish": kind}
    assert (actual.verdict is Verdict.PASS) == (kind == "ran")


def test_where_nothing_can_be_followed_nothing_is_said_to_be_unexercised(tmp_path: Path) -> None:
    actual = followed(tmp_path, {"command": ["python", "-I", "-c", "print(1)"]})
    assert (actual.verdict, kinds(actual)) == (Verdict.PASS, {})
    assert any("no Python process that reads PYTHONPATH" in each for each in actual.warnings)


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="two tracers can live beside one another")
def test_a_tracer_of_the_command_itself_takes_the_place_of_ours(tmp_path: Path) -> None:
    code = f"import sys; sys.settrace(lambda *_: None); {SINGS}"
    actual = followed(tmp_path, {"command": ["python", "-c", code]})
    assert actual.verdict is Verdict.PASS
    assert any("a tracer of its own" in each for each in actual.warnings)


@pytest.mark.slow
def test_the_environments_own_start_up_file_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "start"
    own.mkdir()
    (own / "sitecustomize.py").write_text("STARTED = True\n")
    monkeypatch.setenv("PYTHONPATH", str(own))
    code = f"import sitecustomize; assert sitecustomize.STARTED; {SINGS}"
    actual = followed(tmp_path, {"command": ["python", "-c", code]})
    assert (actual.verdict, kinds(actual)) == (Verdict.PASS, {"Hum.polish": "ran"}), actual.sentence
