"""Frozen trees: under one hash, at paths never used before; what several share is read once."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from patcher.commands.shared.freeze_trees import Freezer, freeze, new_tree
from patcher.errors import PatcherError
from patcher.execution.site import FrozenTree
from patcher.store.freeze import hash_of
from tests.store.conftest import ONE, apply

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.store.working_copy import WorkingCopy


def test_trees_frozen_together_are_those_frozen_by_themselves(
    copy: WorkingCopy, tmp_path: Path
) -> None:
    apply(copy, {ONE: b"x = 2\n", "sample/new.py": b"n\n", "sample/two.py": None})
    together = Freezer(copy, tmp_path)
    for pristine in (True, False, True):
        mine = together(pristine=pristine)
        other = freeze(copy, new_tree(tmp_path), pristine=pristine)
        assert replace(mine, path=other.path) == other
        assert mine == FrozenTree.of(mine.path, hash_of(copy, pristine=pristine), copy.packages)


def test_no_file_of_a_frozen_tree_is_the_working_copys_or_another_trees(
    copy: WorkingCopy, tmp_path: Path
) -> None:
    together = Freezer(copy, tmp_path)
    trees = [together(pristine=True), together()]
    files = {tree.path / ONE for tree in trees} | {copy.root / ONE}
    assert len({path.stat().st_ino for path in files}) == 3
    before = (trees[0].path / ONE).read_bytes()
    with (copy.root / ONE).open("r+b") as file:  # in place: the same inode
        file.write(b"edited")
    assert {(tree.path / ONE).read_bytes() for tree in trees} == {before}


def test_a_hand_edit_is_seen_by_the_first_tree(copy: WorkingCopy, tmp_path: Path) -> None:
    (copy.root / ONE).write_bytes(b"edited")
    with pytest.raises(PatcherError, match="is not what patcher wrote"):
        Freezer(copy, tmp_path)()


def test_freezing_extracts_the_tree_and_names_its_hash(copy: WorkingCopy, tmp_path: Path) -> None:
    apply(copy, {ONE: b"x = 2\n", "sample/new.py": b"n\n", "sample/two.py": None})
    frozen = tmp_path / "frozen" / "patched"
    named = copy.freeze(frozen)
    actual = {p.relative_to(frozen).as_posix(): p for p in frozen.rglob("*") if p.is_file()}
    assert sorted(actual) == list(copy.paths())
    lines = "".join(
        f"{name}\0{sha256(actual[name].read_bytes()).hexdigest()}\n" for name in sorted(actual)
    )
    assert named == sha256(lines.encode()).hexdigest()
    assert actual[ONE].read_bytes() == b"x = 2\n"


def test_freezing_pristine_ignores_the_series(copy: WorkingCopy, tmp_path: Path) -> None:
    before = copy.freeze(tmp_path / "before")
    apply(copy, {ONE: b"x = 2\n", "sample/new.py": b"n\n", "sample/two.py": None})
    assert copy.freeze(tmp_path / "after", pristine=True) == before
    assert copy.freeze(tmp_path / "patched") != before


def test_freezing_takes_overrides(copy: WorkingCopy, tmp_path: Path) -> None:
    copy.freeze(tmp_path / "it", {ONE: b"other\n", "sample/two.py": None, "sample/n.py": b"n\n"})
    assert (tmp_path / "it" / ONE).read_bytes() == b"other\n"
    assert not (tmp_path / "it/sample/two.py").exists()
    assert (tmp_path / "it/sample/n.py").read_bytes() == b"n\n"
    with pytest.raises(PatcherError, match="part"):
        copy.freeze(tmp_path / "other", {"../x": b""})


def test_a_frozen_trees_path_is_never_used_twice(copy: WorkingCopy, tmp_path: Path) -> None:
    copy.freeze(tmp_path / "it")
    with pytest.raises(PatcherError) as caught:
        copy.freeze(tmp_path / "it")
    assert caught.value.code == "exists"


def test_a_tree_with_edits_is_not_frozen(copy: WorkingCopy, tmp_path: Path) -> None:
    (copy.root / ONE).write_bytes(b"x = 3\n")
    with pytest.raises(PatcherError) as caught:
        copy.freeze(tmp_path / "it")
    assert caught.value.code == "drift"
