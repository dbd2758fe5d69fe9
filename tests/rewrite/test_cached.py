"""Rewriting is a pure function; what is kept is what would come out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from patcher.rewrite import cached
from patcher.rewrite.cached import Cached, FolderCache
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.plan import plan_patches
from tests.rewrite.making import patch, replacing, tree

PATCH = replacing("p", "old($X)", "new($X)")
READ = tree(m="def f():\n    x = old(1)\n")


def test_a_kept_plan_is_equal_to_a_fresh_one(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path / "cache")
    fresh = plan_patches([PATCH], READ)
    assert plan_patches([PATCH], READ, rewrite=Cached(cache)) == fresh
    assert len(cache) == 1
    assert plan_patches([PATCH], READ, rewrite=Cached(cache)) == fresh


@pytest.mark.parametrize(
    "other",
    [
        (replacing("p", "old($X)", "new_($X)"), b"x = old(1)\n"),
        (replacing("p", "old($X)", "new($X)"), b"x = old(2)\n"),
        (patch("p", "- file: m.py\n  match: old($X)\n  with: new($X)\n  expect: all\n"),
         b"x = old(1)\n"),
        (patch("p", "- file: m.py\n  within: <module>\n  match: old($X)\n  with: new($X)\n"),
         b"x = old(1)\n"),
    ],
    ids=["another replacement", "another source", "another count", "another place"],
)  # fmt: skip
def test_anything_that_matters_makes_another_key(other: tuple[object, bytes]) -> None:
    changed, content = other
    first = cached.key("m.py", b"x = old(1)\n", PATCH.edits, {})
    assert cached.key("m.py", content, changed.edits, {}) != first  # type: ignore[attr-defined]


def test_what_travels_with_the_spec_is_part_of_the_key() -> None:
    keys = {cached.key("m.py", b"", PATCH.edits, {"h.py": code}) for code in (b"1", b"2")}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "damage",
    [b"", b"{}", b"[1]", b"\xff", None],
    ids=["empty", "no keys", "a list", "bytes", "bits"],
)
def test_a_damaged_entry_counts_as_none(damage: bytes | None) -> None:
    cache: dict[str, bytes] = {}
    content = b"x = old(1)\n"
    rewrite = Cached(cache)
    fresh = rewrite("m.py", content, PATCH.edits, {})
    assert fresh == rewrite_file("m.py", content, PATCH.edits, {})
    (key,) = cache
    if damage is None:
        entry = json.loads(cache[key])
        entry["content"] = entry["content"][:-4] + "AAAA"
        damage = json.dumps(entry).encode()
    cache[key] = damage
    assert rewrite("m.py", content, PATCH.edits, {}) == fresh


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = FolderCache(tmp_path / "file")
    assert plan_patches([PATCH], READ, rewrite=Cached(cache)).ok
    assert len(cache) == 0


def test_problems_are_not_kept() -> None:
    cache: dict[str, bytes] = {}
    assert not plan_patches([PATCH], tree(m="x = 1\n"), rewrite=Cached(cache)).ok
    assert not cache


LAZY = """
import sys
from pathlib import Path
from patcher.rewrite.cached import Cached, FolderCache
from patcher.rewrite.plan import plan_patches
from patcher.rewrite.replay import replay
from patcher.patchfile.catalogue import read_patch

patch = read_patch(Path(sys.argv[1]))
files = {"m.py": Path(sys.argv[2]).read_bytes()}
cache = FolderCache(Path(sys.argv[3]))
plan = plan_patches([patch], files.get, rewrite=Cached(cache))
assert plan.ok and plan.files == replay(files.get, [patch], Cached(cache))
print(sorted(m for m in ("libcst", "git", "torch") if m in sys.modules))
"""


def test_a_plan_that_is_kept_loads_no_libcst(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PATCH.text)
    (tmp_path / "m.py").write_text("x = old(1)\n")
    command = [sys.executable, "-c", LAZY, *(str(tmp_path / n) for n in ("p.yaml", "m.py", "c"))]
    imported = [
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        for _ in range(2)
    ]
    assert imported == ["['libcst']", "[]"]
