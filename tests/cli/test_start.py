"""Starting is fast and imports nothing heavy; wrong use is answered, never with a traceback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Patcher

HEAVY = ("torch", "libcst", "git", "numpy", "rich", "yaml")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["apply", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom patcher.cli import cli\nfrom patcher.cli.common import run\n"
        f"run(cli, {arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stderr.strip() == "[]"


def test_help_names_every_command_in_the_order_of_a_first_afternoon(patcher: Patcher) -> None:
    text = patcher("--help").stdout
    names = ["init", "list", "plan", "apply", "verify", "revert", "scan", "check", "recover"]
    places = [text.index(f"  {name} ") for name in names]
    assert places == sorted(places)


def test_a_misspelt_command_is_answered_with_the_nearest(patcher: Patcher) -> None:
    ran = patcher("aply", "inference_mode")
    assert ran.status == 2
    assert "did you mean `apply`?" in ran.stderr


@pytest.mark.parametrize(
    "arguments", [["--json", "revert"], ["revert", "--json"], ["revert", "--json", "--no-such"]]
)
def test_json_answers_also_what_cannot_be_parsed(patcher: Patcher, arguments: list[str]) -> None:
    ran = patcher(*arguments)
    assert ran.status == 2
    assert ran.json["schema"] == 1
    assert ran.json["ok"] is False
    assert set(ran.json["error"]) == {"code", "message", "hint", "where"}


def test_a_workspace_that_does_not_exist_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "patcher", "-C", str(tmp_path / "nowhere"), "status", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "nowhere" in json.loads(done.stdout)["error"]["message"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("targett = 'x'", "unknown key 'targett'"),
        ("[verify]\nscale = 3", "scale must be a string"),
        ("verify = 1", "verify must be a table"),
        ("target = ", "patcher.toml is not TOML"),
    ],
)
def test_bad_settings_are_named_with_their_file(tmp_path: Path, content: str, message: str) -> None:
    from tests.conftest import runner

    (tmp_path / "patcher.toml").write_text(content)
    ran = runner(tmp_path)("status", "--json")
    assert ran.status == 2
    assert message in ran.json["error"]["message"]
    assert "patcher.toml" in ran.json["error"]["where"]


def test_settings_in_pyproject_give_an_option_its_default(tmp_path: Path) -> None:
    from tests.conftest import runner

    (tmp_path / "pyproject.toml").write_text("[tool.patcher.verify]\ndevice = 'toaster'\n")
    ran = runner(tmp_path)("verify")
    assert ran.status == 2
    assert "toaster" in ran.stderr


# Ctrl-C: the interrupt arrives at the n-th import after Python has come to patcher

AT_IMPORT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background ignores it
left = int(sys.argv.pop(1))
def interrupt(event, arguments):
    global left
    if event == "import" and left > 0:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGINT)
from patcher.__main__ import main
sys.addaudithook(interrupt)
main()
"""


def interrupted(n: int, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", AT_IMPORT, str(n), *words]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("n", [1, 3, 10, 30, 60])
def test_an_interrupt_among_the_first_imports_is_answered_in_a_line(n: int) -> None:
    done = interrupted(n, "--version")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error[interrupted]: interrupted before anything began\n"


def test_an_early_interrupt_is_answered_in_json_when_asked_to() -> None:
    done = interrupted(20, "status", "--json")
    printed = json.loads(done.stdout)
    assert (done.returncode, printed["ok"], printed["schema"]) == (130, False, 1)
    assert printed["error"]["code"] == "interrupted"
    assert set(printed["error"]) == {"code", "message", "hint", "where"}


@pytest.mark.slow  # forty starts
def test_an_interrupt_at_any_time_shows_no_traceback_of_patcher(tmp_path: Path) -> None:
    """Before Python has come to patcher, the interrupt is Python's own to answer."""

    def heard() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    statuses = set()
    for delay_ms in range(0, 200, 5):
        with subprocess.Popen(
            [sys.executable, "-m", "patcher", "-C", str(tmp_path), "list"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard,  # noqa: PLW1509
        ) as running:  # fmt: skip
            time.sleep(delay_ms / 1000)
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=60)
        statuses.add(running.returncode)
        if "Traceback" in errors:
            assert str(REPOSITORY / "patcher") not in errors, errors
            assert "__main__.py" not in errors
        else:
            assert running.returncode in (0, 130, -signal.SIGINT), errors
    assert 130 in statuses
