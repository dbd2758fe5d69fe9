"""Answers that once misled: each says now what is the case."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from patcher.hazards.model import Hazard, Place
from patcher.hazards.static import EntryKind
from patcher.results.scanned import (
    MappedEntry,
    MappedFile,
    MappedPackage,
    ScanResult,
    scanned_hazard,
)
from tests.conftest import Patcher
from tests.contract.adder import SHIFT, initialised, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


@pytest.fixture
def patcher(workspace: Path) -> Patcher:
    return initialised(workspace)


def tree_of(workspace: Path) -> Path:
    return workspace / ".patcher" / "adder" / "tree" / "adder.py"


def test_nothing_to_verify_is_said_as_such(patcher: Patcher) -> None:
    ran = patcher("verify", "--json")
    assert (ran.status, ran.json["verdict"], ran.json["ok"]) == (0, "nothing-to-verify", True)
    assert "nothing was run" in patcher("verify").stdout


def test_a_retry_after_a_failure_does_not_pass(patcher: Patcher) -> None:
    assert patcher("apply", "use_three", "--verify").status == 1
    ran = patcher("verify", "--require", "not-slower", "--json")
    assert (ran.status, ran.json["verdict"], ran.json["ok"]) == (1, "nothing-to-verify", False)
    assert ran.json["error"]["code"] == "verification-failed"


@pytest.mark.slow  # a quick bench
def test_a_requirement_that_is_not_met_does_not_end_in_passed(patcher: Patcher) -> None:
    assert patcher("apply", "use_shift").status == 0
    ran = patcher("verify", "--require", "faster", "--allow-unexercised")
    assert ran.status == 1
    assert "Failed: --require faster is not met, for the speed verdict is" in ran.stdout
    assert "Passed" not in ran.stdout


def test_an_unknown_executor_is_named_also_when_there_is_nothing_to_verify(
    patcher: Patcher,
) -> None:
    ran = patcher("verify", "--executor", "nobody", "--json")
    assert ran.status == 2
    assert "nobody" in ran.json["error"]["message"]


def test_status_does_not_call_an_edited_tree_pristine(patcher: Patcher, workspace: Path) -> None:
    assert "the tree is pristine" in patcher("status").stdout
    tree_of(workspace).write_text("# mine\n")
    text = patcher("status").stdout
    assert "drift: edited" in text
    assert "the tree is pristine" not in text


def test_doctor_with_a_problem_exits_1(patcher: Patcher, workspace: Path) -> None:
    assert patcher("doctor").status == 0
    tree_of(workspace).write_text("# mine\n")
    ran = patcher("doctor", "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "doctor-problems"
    assert any(each["level"] == "problem" for each in ran.json["findings"])


def test_doctor_promises_nothing_of_a_target_that_is_not_there(patcher: Patcher) -> None:
    text = patcher("doctor").stdout
    assert "patcher[chatterbox]" not in text
    assert "patches can be applied" not in text


def test_a_plan_that_does_not_fit_ends_as_apply_would(patcher: Patcher, workspace: Path) -> None:
    (workspace / "patches" / "nowhere.yaml").write_text(
        SHIFT.replace("use_shift", "nowhere").replace("$X * 2", "$X * 3")
    )
    planned, applied = patcher("plan", "nowhere", "--json"), patcher("apply", "nowhere", "--json")
    assert planned.status == applied.status == 3
    assert planned.json["error"]["code"] == applied.json["error"]["code"] == "missing"
    assert planned.json["patches"][0]["edits"][0]["status"] == "missing"
    assert patcher("plan", "nowhere", "--check").status == 1


def test_a_plan_on_another_source_says_in_a_line_whether_a_patch_fits(
    patcher: Patcher, workspace: Path
) -> None:
    other = workspace.parent / "other"
    shutil.copytree(workspace.parent / "project", other)
    (other / "adder.py").write_text("def total(numbers):\n    return sum(numbers)\n")
    ran = patcher("plan", "use_sum", "use_shift", "--on", str(other))
    assert ran.status == 0
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert [line[0] for line in lines[1:]] == ["use_sum", "use_shift"]
    assert lines[2][1:4] == ["does", "not", "fit:"]


def test_several_patches_on_another_source_are_planned_on_top_of_each_other(
    patcher: Patcher, workspace: Path
) -> None:
    """And it is said: of two that take each other's site, the later one alone does fit."""
    project = str(workspace.parent / "project")
    plus = SHIFT.replace("use_shift", "use_plus").replace("with: $X << 1", "with: $X + $X")
    undo = SHIFT.replace("use_shift", "undo").replace("$X * 2", "$X + $X")
    later = SHIFT.replace("target: adder", "target: adder >=2").replace("use_shift", "later")
    for name, spec in (("use_plus", plus), ("undo", undo), ("later", later)):
        (workspace / "patches" / f"{name}.yaml").write_text(spec)

    def lines(*words: str) -> list[str]:
        return patcher("plan", *words, "--on", project).stdout.splitlines()

    assert lines("use_plus")[0] == "on adder 1.2:"
    on, sums, plus, shift = lines("use_sum", "use_plus", "use_shift")
    assert on == "on adder 1.2, each patch on top of those before it that fit:"
    assert sums.split() == ["use_sum", "fits"]
    assert plus.split() == ["use_plus", "fits"]
    assert shift.endswith("does not fit: its edit conflict; use_plus changed its site, "
                          "it fits without")  # fmt: skip
    assert lines("use_plus", "undo")[2].endswith("fits, but only on top of use_plus")
    assert lines("later")[1].endswith("its code fits, but it is for adder >=2, this is adder 1.2")
    detailed = patcher("plan", "use_plus", "use_shift", "--on", project, "-v").stdout
    assert "on adder 1.2, each patch on top of" in detailed
    assert "use_plus changed its site" in detailed
    assert "each on what those before it leave" in " ".join(
        patcher("plan", "--help").stdout.split()
    )


def test_a_patch_that_a_source_has_already_is_not_said_to_fit(
    patcher: Patcher, workspace: Path
) -> None:
    other = workspace.parent / "other"
    shutil.copytree(workspace.parent / "project", other)
    module = (other / "adder.py").read_text().replace("number * 2", "number << 1")
    (other / "adder.py").write_text(module)
    line = patcher("plan", "use_shift", "--on", str(other)).stdout.splitlines()[1]
    assert line.split() == ["use_shift", "upstream", "has", "it"]
    again = SHIFT.replace("use_shift", "again").replace("$X * 2", "$X * 3")
    (workspace / "patches" / "again.yaml").write_text(again)
    project = str(workspace.parent / "project")
    ran = patcher("plan", "use_sum", "use_shift", "again", "--on", project)
    assert ran.stdout.splitlines()[3].endswith("has nothing left to do on top of use_shift")


def test_a_plan_that_fails_does_not_send_to_itself(patcher: Patcher, workspace: Path) -> None:
    name = "a_patch_with_a_long_name_that_is_nowhere"
    spec = SHIFT.replace("use_shift", name).replace("$X * 2", "$X * 3")
    (workspace / "patches" / f"{name}.yaml").write_text(spec)
    lines = on_a_terminal(workspace, 60, "plan", name)
    assert "patcher plan" not in "\n".join(lines)
    assert lines[-1] == "  help: do what is said of it, and plan again"
    places = ("patches/", "closest: ")  # stay beside each other
    assert all(len(line) <= 60 for line in lines if not any(each in line for each in places))


@pytest.mark.parametrize("pipe", ["head -c 1", "true"])
def test_a_reader_that_goes_away_is_no_failed_verification(
    patcher: Patcher, workspace: Path, pipe: str
) -> None:
    command = f"{sys.executable} -m patcher -C {workspace} list --json | {pipe}"
    line = ["bash", "-c", f"set -o pipefail; {command} >/dev/null"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pipe_that_breaks_does_not_hide_a_failure(patcher: Patcher, workspace: Path) -> None:
    command = f"{sys.executable} -m patcher -C {workspace} apply nothing --json | true"
    line = ["bash", "-c", f"set -o pipefail; {command}"]
    assert subprocess.run(line, capture_output=True, check=False).returncode == 2


def test_without_git_a_change_says_that_it_has_no_commit(patcher: Patcher, tmp_path: Path) -> None:
    ran = patcher("apply", "use_sum", PATH=str(tmp_path))
    assert ran.status == 0
    assert "no git in PATH" in ran.stderr
    assert "no git in PATH" not in patcher("revert", "--all").stderr


def test_run_answers_in_json_and_keeps_the_commands_status(patcher: Patcher) -> None:
    ran = patcher("--json", "run", "--", "python", "-c", "print('hello')")
    assert (ran.status, ran.json["ok"], ran.json["status"]) == (0, True, 0)
    assert "hello" in ran.stderr
    ran = patcher("--json", "run", "--", "python", "-c", "raise SystemExit(7)")
    assert (ran.status, ran.json["ok"], ran.json["status"]) == (7, False, 7)
    assert ran.json["error"]["code"] == "command-failed"


def test_an_interrupted_verification_says_that_the_patches_stay(
    patcher: Patcher, workspace: Path
) -> None:
    assert patcher("apply", "use_sum").status == 0
    (workspace / "patcher.toml").write_text(
        'target = "adder"\n[verify]\ncommand = ["python", "-c", "import time; time.sleep(60)"]\n'
    )
    # Where the suite itself runs in the background, Ctrl-C is ignored from birth.
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += "from patcher.__main__ import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", start, "-C", str(workspace), "verify"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stderr is not None
        running.stderr.readline()  # the matrix is announced once the lock is held
        os.kill(running.pid, signal.SIGINT)
        text = running.stderr.read()
        assert running.wait(60) == 130
    assert "still applied" in text
    assert "put back" not in text
    assert patcher("status", "--json").json["series"] == ["use_sum"]


def test_a_predicted_remedy_is_the_whole_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    from patcher.report.scan import print_scan

    place = Place("x.py", 1, "f", "x += 1")
    hazard = Hazard("x", place, "x", "inference_mode", remedy="embed_ref_lens_clone")
    result = ScanResult([scanned_hazard(hazard, outside=False)], True, {}, None)
    print_scan(result, names=["inference_mode"], color=False)
    assert "patcher apply inference_mode embed_ref_lens_clone" in capsys.readouterr().out


def on_a_terminal(
    workspace: Path, columns: int, *words: str, plain: str = "--no-color", term: str = "dumb"
) -> list[str]:
    """The lines that a command leaves on a terminal of that width.

    Args:
        plain: ``--no-color``, or ``NO_COLOR`` for the variable, or empty.
    """
    import fcntl
    import pty
    import struct
    import termios

    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    option = [plain] if plain.startswith("--") else []
    variable = {plain: "1"} if plain and not option else {}
    with subprocess.Popen(
        [sys.executable, "-m", "patcher", "-C", str(workspace), *option, *words],
        stdin=terminal, stdout=terminal, stderr=terminal, env={**kept, **variable, "TERM": term},
    ) as running:  # fmt: skip
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(controller, 1 << 16):
                shown += chunk
        os.close(controller)
        running.wait(60)
    return shown.decode().replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [60, 80])
def test_what_is_printed_breaks_at_words_on_a_terminal(
    patcher: Patcher, workspace: Path, columns: int
) -> None:
    for words in (["apply", "use_sun"], ["doctor"], ["compare", "1", "2"], ["discard", "x.py"]):
        lines = on_a_terminal(workspace, columns, *words)
        assert lines
        for line in lines:
            # A path or a command may be longer than the line: it is never broken.
            whole = "`patcher " in line or " " not in line.strip()
            assert len(line) <= columns or whole, line


@pytest.mark.parametrize(
    ("plain", "term"), [("", "dumb"), ("--no-color", "xterm-256color"), ("NO_COLOR", "xterm")]
)
def test_a_terminal_that_is_not_drawn_over_gets_a_line_a_case(
    patcher: Patcher, workspace: Path, plain: str, term: str
) -> None:
    """In its own width, without any control sequence: a long verification is not silent there."""
    lines = on_a_terminal(workspace, 60, "verify", "use_sum", plain=plain, term=term)
    assert "\x1b" not in "".join(lines)
    assert any("1 of 2  baseline" in line for line in lines)
    ending = lines.index("Passed: 1 of 1 case passes")
    assert all(len(line) <= 60 for line in lines[ending:])
    if term == "dumb":  # a scan loads torch
        assert "\x1b" not in "".join(on_a_terminal(workspace, 60, "scan", "use_sum", term=term))


def test_a_pipe_gets_every_sentence_on_one_line(patcher: Patcher) -> None:
    ran = patcher("doctor", COLUMNS="60")
    assert any(line.startswith("ok       guards") and "hashes" in line
               for line in ran.stdout.splitlines())  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_scan_never_breaks_a_path(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    from patcher.report.scan import print_scan

    monkeypatch.setenv("COLUMNS", str(width))
    files = ["chatterbox/models/s3tokenizer/s3tokenizer.py", "chatterbox/tts.py"]
    kinds = ["attribute", "augmented", "data", "init", "method", "move", "scope", "sync"]
    entries = [MappedEntry(EntryKind(kind), "f", 1, 1, "x", "") for kind in kinds]
    modules = [MappedFile(file, "", entries) for file in files]
    static = MappedPackage(2, 900, True, dict.fromkeys(kinds, 2), modules)
    result = ScanResult((), False, {"chatterbox-tts": static}, None)
    print_scan(result, color=False)
    shown = capsys.readouterr().out
    assert all(file in shown for file in files)
    assert max(map(len, shown.splitlines()[:-1])) <= width
