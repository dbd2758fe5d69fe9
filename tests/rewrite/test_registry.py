"""A kind of edit is registered where it is defined."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from patcher.patchfile.kinds import Level, kinds
from patcher.patchfile.model import Edit, EditKind
from patcher.rewrite.kinds.registry import PlannedKind, plan
from patcher.rewrite.oracle.check import _opinions


def test_every_kind_that_looks_inside_a_file_has_a_plan() -> None:
    inside = [kind for kind in kinds().values() if kind.level is not Level.FILE]
    assert all(isinstance(kind, PlannedKind) and kind.plan for kind in inside)


def test_a_kind_about_the_file_as_a_whole_has_none() -> None:
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source

    edit = Edit("a.py", EditKind.ADD_FILE, pattern="b.py")
    with pytest.raises(TypeError, match="add-file"):
        plan(File(Source("a.py", b"")), edit)


def test_every_kind_of_code_has_a_second_opinion() -> None:
    code = {name for name, kind in kinds().items() if kind.level is Level.CODE}
    assert set(_opinions()) == code


def test_no_two_kinds_have_the_same_place() -> None:
    orders = [kind.order for kind in kinds().values()]
    assert orders == sorted(set(orders))


def test_a_kind_that_must_have_a_key_may_have_it() -> None:
    assert all(kind.takes_within for kind in kinds().values() if kind.needs_within)
    assert all(kind.takes_was for kind in kinds().values() if kind.needs_was)


def test_a_kind_is_one_object_however_it_is_made() -> None:
    assert EditKind("match") is EditKind.MATCH
    assert pickle.loads(pickle.dumps(EditKind.MATCH)) is EditKind.MATCH


def test_knowing_the_kinds_takes_no_libcst() -> None:
    code = "import sys; from patcher.patchfile.kinds import kinds; kinds(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "patcher.rewrite.kinds.match" in done.stdout.split()
    assert "libcst" not in done.stdout.split()
