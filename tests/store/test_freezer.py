"""Several frozen trees of one working copy: what they share is read once, and never one file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from patcher.commands.shared.freeze_trees import Freezer, freeze, new_tree
from patcher.errors import PatcherError
from patcher.execution.site import FrozenTree
from patcher.store.freeze import hash_of
from tests.store.test_working_copy import ONE, apply

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
