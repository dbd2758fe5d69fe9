"""A second process has LibCST ready; whether it is there changes nothing but the time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
pytestmark = pytest.mark.skipif(processors < 2, reason="needs two processors that can be counted")

SCRIPT = '''
import os, signal, sys
from patcher.rewrite import file
from patcher.patchfile.reader import read_spec
from patcher.commands.shared.second_process import SecondProcess

EDITS = read_spec("""
patch: p
summary: s
target: pkg
equivalence: bitwise
edits:
  - file: m.py
    match: old($X)
    with: new($X)
""".strip(), "p.yaml").edits


second = SecondProcess()


def rewritten(content):
    return second.rewrite_file("m.py", content, EDITS, {})

'''


def out(code: str) -> str:
    """What a program prints that starts with the script."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_the_child_rewrites_and_the_command_never_imports_libcst() -> None:
    code = "second.__enter__(); result = rewritten(b'x = old(1)\\n'); "
    assert out(code + "print(result.content, 'libcst' in sys.modules)") == r"b'x = new(1)\n' False"


@pytest.mark.parametrize(
    "content",
    ["b'x = old(1)\\n'", "b'x = other(1)\\n'", "b'x = (\\n'", "b'\\xff = 1\\n'", "None"],
    ids=["a site", "no site", "not Python", "not UTF-8", "no file"],
)
def test_what_it_answers_is_what_rewriting_gives(content: str) -> None:
    code = f"second.__enter__(); result = rewritten({content}); "
    code += f"print(result == file.rewrite_file('m.py', {content}, EDITS, {{}}))"
    assert out(code) == "True"


@pytest.mark.parametrize(
    "lost",
    [
        "os.kill(second.child.pid, signal.SIGKILL)",
        "os.dup2(os.open(os.devnull, os.O_RDONLY), second.child.requests.fileno())",
        "second.end()",
        "second.child.requests.write(b'nonsense')",
    ],
    ids=["killed", "a pipe that cannot be written", "ended", "it was sent nonsense"],
)
def test_without_the_child_the_command_rewrites_by_itself(lost: str) -> None:
    code = f"second.__enter__(); {lost}; result = rewritten(b'x = old(1)\\n'); "
    code += "print(result.content, 'libcst' in sys.modules, second.child)"
    assert out(code) == r"b'x = new(1)\n' True None"


def test_what_raises_in_the_child_is_raised_in_the_command() -> None:
    code = """
second.__enter__()
from patcher.errors import PatcherError
import dataclasses
EDITS = [dataclasses.replace(EDITS[0], kind=None, pattern="f(")]
try:
    rewritten(b"x = old(1)\\n")
except Exception as error:
    print(type(error).__name__)
"""
    assert out(code) not in ("", "EOFError", "BrokenPipeError")


def test_somebodys_code_is_not_sent_to_where_nobody_sees_what_it_prints() -> None:
    code = """
import dataclasses
from patcher.patchfile.model import EditKind
second.__enter__()
EDITS = [dataclasses.replace(EDITS[0], kind=EditKind.TRANSFORM, within="f", pattern="m:t")]
CODE = b"def t(node):\\n    print('seen')\\n    return node\\n"
second.rewrite_file("m.py", b"def f():\\n    pass\\n", EDITS, {"m.py": CODE})
"""
    assert "seen" in out(code)


def test_one_processor_has_no_child() -> None:
    assert out("os.sched_setaffinity(0, [0]); second.__enter__(); print(second.child)") == "None"


def test_the_child_holds_nothing_of_the_commands_streams() -> None:
    code = """
second.__enter__(); rewritten(b"x = old(1)\\n")
folder = f"/proc/{second.child.pid}/fd"
print(sorted({os.readlink(f"{folder}/{stream}") for stream in (0, 1, 2)}))
"""
    assert out(code) == "['/dev/null']"


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_command_that_is_killed_leaves_no_process(signal_name: str) -> None:
    code = "second.__enter__(); print(second.child.pid, flush=True); "
    # Where the suite itself runs in the background, Ctrl-C is ignored from birth.
    code += "signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += f"os.kill(os.getpid(), signal.{signal_name}); signal.pause()"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    place = Path("/proc", done.stdout.strip())
    for _ in range(100):
        if not place.exists() or "\nState:\tZ" in (place / "status").read_text():
            return
        time.sleep(0.1)
    pytest.fail(f"{place} lives on")
