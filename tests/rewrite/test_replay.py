"""The tree is replay(pristine, series): reverting is replaying without a patch."""

from __future__ import annotations

import itertools

import pytest

from patcher.errors import PatcherError
from patcher.rewrite.replay import needed_by, replay
from tests.rewrite.making import patch, replacing, tree

A = replacing("a", "f(1)", "f(2)")
B = patch("b", "- file: m.py\n  before: f($X)\n  with: start()\n")
C = patch("c", "- file: m.py\n  import: import os\n")
PRISTINE = tree(m="import sys\nf(1)\n", n="x = 1\n")


def test_a_series_is_applied_in_order() -> None:
    assert replay(PRISTINE, [A, B, C]) == {"m.py": b"import sys\nimport os\nstart()\nf(2)\n"}


def test_no_series_changes_nothing() -> None:
    assert replay(PRISTINE, []) == {}


def test_patches_come_out_in_any_order() -> None:
    for order in itertools.permutations([A, B, C]):
        series = [A, B, C]
        for leaving in order:
            series.remove(leaving)
            alone = replay(PRISTINE, series)
            assert alone == replay(PRISTINE, list(series))
        assert replay(PRISTINE, series) == {}


def test_a_file_that_ends_as_it_was_is_left_out() -> None:
    back = replacing("back", "f(2)", "f(1)")
    assert replay(PRISTINE, [A, back]) == {}


def test_a_patch_that_no_longer_fits_is_named_with_all_its_problems() -> None:
    late = replacing("late", "f(2)", "f(3)")
    with pytest.raises(PatcherError, match="late, edit 1: no site in") as caught:
        replay(PRISTINE, [late])
    assert caught.value.code == "missing"
    assert caught.value.where == "patches/late.yaml:6:5"


def test_patches_that_need_one_are_named_through_others() -> None:
    b = replacing("b", "x", "y", head="requires: [a]\n")
    c = replacing("c", "x.y", "z", head="requires: [b]\n")
    d = replacing("d", "x.z", "z")
    assert needed_by("a", [A, b, c, d]) == ["b", "c"]
