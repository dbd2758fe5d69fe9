"""Diffs that `git apply` accepts and that give the planned bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from patcher.rewrite.diff import unified_diff

CASES: dict[str, tuple[dict[str, bytes | None], dict[str, bytes | None]]] = {
    "a changed line": ({"a.py": b"x\ny\nz\n"}, {"a.py": b"x\nY\nz\n"}),
    "no final newline before": ({"a.py": b"x\ny"}, {"a.py": b"x\ny\n"}),
    "no final newline after": ({"a.py": b"x\ny\n"}, {"a.py": b"x\ny"}),
    "no final newline at all": ({"a.py": b"x\ny"}, {"a.py": b"z\ny"}),
    "CRLF": ({"a.py": b"x\r\ny\r\n"}, {"a.py": b"x\r\nY\r\n"}),
    "a lone CR": ({"a.py": b"x\ry\n"}, {"a.py": b"x\rY\n"}),
    "a form feed": ({"a.py": b"x\n\x0c\ny\n"}, {"a.py": b"x\n\x0c\nY\n"}),
    "a new file": ({"b/c.py": None}, {"b/c.py": b"x\n"}),
    "a new empty line": ({"a.py": b""}, {"a.py": b"x\n"}),
    "a deleted file": ({"a.py": b"x\n"}, {"a.py": None}),
    "several files": ({"a.py": b"1\n", "b.py": b"2\n"}, {"a.py": b"3\n", "b.py": b"4\n"}),
    "a name with a space": ({"a b.py": b"1\n"}, {"a b.py": b"2\n"}),
    "a name beyond ASCII": ({"é.py": b"1\n"}, {"é.py": b"2\n"}),
    "bytes that are not UTF-8": ({"a.py": b"# \xff\nx\n"}, {"a.py": b"# \xff\ny\n"}),
    "letters that end lines elsewhere": (
        {"a.py": "a\u2028b\x85c\n1\n".encode()},
        {"a.py": "a\u2028b\x85c\n2\n".encode()},
    ),
    "changes far apart": (
        {"a.py": b"".join(b"%d\n" % i for i in range(50))},
        {"a.py": b"".join(b"%d\n" % (i * (i in (3, 40)) + i) for i in range(50))},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_git_applies(
    tmp_path: Path, case: tuple[dict[str, bytes | None], dict[str, bytes | None]]
) -> None:
    before, after = case
    for path, content in before.items():
        if content is not None:
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_bytes(content)
    text = unified_diff(before, after).encode("utf-8", "surrogateescape")
    for arguments in (["--check", "-"], ["-"]):
        subprocess.run(["git", "apply", *arguments], cwd=tmp_path, input=text, check=True)
    for path, content in after.items():
        there = tmp_path / path
        assert (there.read_bytes() if there.exists() else None) == content


def test_nothing_is_said_of_files_that_are_equal() -> None:
    assert unified_diff({"a.py": b"x\n"}, {"a.py": b"x\n"}) == ""
