"""Every page of docs/how-to works when it is followed, and touches only the files it names."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

FILE = re.compile(r"^File `([^`]+)`:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDED_LINE = re.compile(
    r"^```diff\n--- a/(\S+)\n.*?^@@.*?@@\n (.*?)\n\+(.*?)\n```$", re.MULTILINE | re.DOTALL
)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOUCHED = re.compile(r"^Files touched: (.*(?:\n.+)*)", re.MULTILINE)
# Pages without that line are prose: no test follows them yet.
PAGES = [
    path
    for path in sorted((REPOSITORY / "docs" / "how-to").glob("add-*.md"))
    if TOUCHED.search(path.read_text(encoding="utf-8"))
]


def hashes(folder: Path) -> dict[str, str]:
    """Every file but caches and what belongs to a workspace of patcher's own."""
    skipped = {"__pycache__", ".patcher", "backups"}
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not skipped & set(path.relative_to(folder).parts)
    }


def follow(page: str, folder: Path) -> None:
    """Write the page's files and lines, then run its commands."""
    for name, content in FILE.findall(page):
        path = folder / name
        assert not path.exists(), f"{name} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name, after, added in ADDED_LINE.findall(page):
        text = (folder / name).read_text()
        assert text.count(f"{after}\n") == 1, after
        (folder / name).write_text(text.replace(f"{after}\n", f"{after}\n{added}\n"))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for script in COMMANDS.findall(page):
        for line in script.strip().splitlines():
            done = subprocess.run(
                ["bash", "-c", f"set -o pipefail; {line}"],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_can_be_followed_and_names_all_that_it_touches(path: Path, tmp_path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    if "patcher/" in TOUCHED.findall(page)[0]:  # it changes patcher: work on a copy
        ignored = shutil.ignore_patterns("__pycache__")
        for name in (
            "patcher",
            "docs",
            "patches",
            "tests/gates",
            "tests/patchfile",
            "tests/rewrite",
        ):
            shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=ignored)
        for name in ("tests/__init__.py", "tests/conftest.py", "tests/expected_time.py"):
            shutil.copyfile(REPOSITORY / name, tmp_path / name)
    before = hashes(tmp_path)
    follow(page, tmp_path)
    after = hashes(tmp_path)
    assert before.keys() <= after.keys()
    touched = {name for name in after if after[name] != before.get(name)}
    tried_with = {
        name for name, _ in FILE.findall(page) if name.startswith(("project/", "patches/"))
    }
    named = {name for text in TOUCHED.findall(page) for name in re.findall(r"`([^`]+)`", text)}
    assert touched - tried_with == named
