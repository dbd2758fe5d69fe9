"""A mistake in the settings is answered with its line, and with the right one where known."""

from __future__ import annotations

from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.settings import load_settings

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
