"""A mistake in the settings is answered with its line, and with the right one where known."""

from __future__ import annotations

from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.settings import load_settings
from patcher.targets import find_adapter

VERIFY = {"verify": {"call": "bench.py:work"}}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("patcher.toml", '[verify]\ncall = "bench.py:work"\n'),
        ("patcher.toml", '[tool.patcher.verify]\ncall = "bench.py:work"\n'),
        ("pyproject.toml", '[tool.patcher.verify]\ncall = "bench.py:work"\n'),
    ],
)
def test_the_verify_table_is_understood_under_both_headings(
    tmp_path: Path, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)
    assert load_settings(tmp_path) == VERIFY


def test_a_pyproject_without_a_patcher_table_has_no_settings(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert load_settings(tmp_path) == {}


MISTAKES = [
    (
        "a key of [verify] at the top",
        'target = "rich"\ncall = "bench.py:work"\n',
        ":2",
        'it belongs below a line [verify]: call = "bench.py:work"',
    ),
    (
        "a key of the top in [verify]",
        '[verify]\ncall = "a.py:b"\npython = "/usr/bin/python3"\n',
        ":3",
        'it stands at the top of the file, before any [table]: python = "/usr/bin/python3"',
    ),
    (
        "a command as one string",
        "[tool.patcher.verify]\ncommand = \"python -m pytest 'a b'\"\n",
        ":2",
        'write: command = ["python", "-m", "pytest", "a b"]',
    ),
    ("a typo", "[verify]\n\n  comand = []\n", ":3", "did you mean `command`?"),
    ("a table twice", "[verify]\n[tool.patcher.verify]\n", ":1", "keep one of them"),
    ("another tool's table", "[tool.black]\n", ":1", "[verify] and [scan]"),
    ("a table that is none", "verify = 1\n", ":1", "write"),
]


@pytest.mark.parametrize(
    ("text", "line", "hint"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_is_answered_with_its_line(
    tmp_path: Path, text: str, line: str, hint: str
) -> None:
    (tmp_path / "patcher.toml").write_text(text)
    with pytest.raises(PatcherError) as caught:
        load_settings(tmp_path)
    assert caught.value.where == f"{tmp_path / 'patcher.toml'}{line}"
    assert hint in caught.value.help or hint == "write"


BENCH = """\
def work(text="a"):
    return text

def draw(rng):
    return "b"
"""


def read(folder: Path) -> None:
    """Read the settings, and the workload as far as it can be read without running it."""
    config = load_settings(folder)["verify"]
    adapter = find_adapter("package", config, root=folder, packages=("package",))
    assert adapter is not None
    adapter.matrix(config)


# Settings, bench.py, and all that is said: where, the message and the line that would be right.
ANSWERS = {
    "a workload that is not there": (
        'call = "bemch.py:work"',
        BENCH,
        "patcher.toml:2: there is no bemch.py | did you mean bench.py:work?",
    ),
    "a function that is not there": (
        'call = "bench.py:wrok"',
        BENCH,
        "patcher.toml:2: bench.py has no function 'wrok' | write: call = \"bench.py:work\"",
    ),
    "a function unlike any": (
        'call = "bench.py:generate"',
        BENCH,
        "patcher.toml:2: bench.py has no function 'generate' | add to bench.py: def generate():",
    ),
    "a draw without rng": (
        'call = "bench.py:work"',
        BENCH.replace("draw(rng)", "draw()"),
        "bench.py:4: draw is given 1 argument and takes at most 0 | write: def draw(rng):",
    ),
    "a setup that asks for something": (
        'call = "bench.py:work"',
        f"{BENCH}\ndef setup(model):\n    return 1\n",
        "bench.py:7: setup is given 0 arguments and takes at least 1 | write: def setup():",
    ),
    "a function that takes nothing beside a setup": (
        'call = "bench.py:work"',
        "def setup():\n    return 1\n\ndef work():\n    return 1\n",
        "bench.py:4: work is given what setup returns, and takes nothing | write: "
        "def work(prepared):",
    ),
    "a comparison of one value": (
        'call = "bench.py:work"\ncompare = "bench.py:work"',
        BENCH,
        "bench.py:1: work is given 2 arguments and takes at most 1 | write: "
        "def work(baseline, patched):",
    ),
    "outputs of no command": (
        'call = "bench.py:work"\noutputs = ["stdout"]',
        BENCH,
        "patcher.toml:3: `outputs` is about `command`, and there is no `command` | add a line "
        'beside it: command = ["python", "make.py"]',
    ),
    "two things to run": (
        'adapter = "mine.py:adapter"\ncall = "bench.py:work"',
        BENCH,
        "patcher.toml:3: `adapter` and `call` both say what to run | keep one of them: without "
        '`adapter` this line stands, call = "bench.py:work"',
    ),
    "an adapter that is not there": (
        'adapter = "mine.py:adapter"',
        BENCH,
        "patcher.toml:2: there is no mine.py | no file FOLDER/mine.py; `patcher new --adapter "
        "mine` writes one",
    ),
    "a spelling with a hyphen": (
        'call = "bench.py:work"\nfail-fast = true',
        BENCH,
        "patcher.toml:3: unknown key 'fail-fast' | did you mean `fail_fast`?",
    ),
    "a table of another name": (
        "[verfy]",
        BENCH,
        "patcher.toml:2: unknown key 'verfy' | did you mean `verify`?",
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_mistake_in_what_is_run_is_answered_with_the_line_that_would_be_right(
    tmp_path: Path, kind: str
) -> None:
    settings, bench, answer = ANSWERS[kind]
    (tmp_path / "patcher.toml").write_text(f"[verify]\n{settings}\n")
    (tmp_path / "bench.py").write_text(bench)
    with pytest.raises(PatcherError) as caught:
        read(tmp_path)
    error = caught.value
    message = f"{error.where}: {error.message} | {error.help}"
    assert (
        message.replace(f"{tmp_path}/patcher", "patcher")
        .replace(f"{tmp_path}/bench", "bench")
        .replace(str(tmp_path), "FOLDER")
        == answer
    )
    assert error.code == "config"
