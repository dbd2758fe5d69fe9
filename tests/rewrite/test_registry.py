"""A kind of edit is registered where it is defined."""

from __future__ import annotations

from patcher.patchfile.kinds import KINDS
from patcher.patchfile.model import WHOLE_FILE, EditKind
from patcher.rewrite.kinds import registry
from patcher.rewrite.kinds.registry import planner


def test_every_kind_that_looks_inside_a_file_has_a_planner() -> None:
    assert [kind for kind in EditKind if kind not in WHOLE_FILE and not planner(kind)] == []


def test_a_kind_about_the_file_as_a_whole_has_none() -> None:
    registry.load()
    assert not set(WHOLE_FILE) & set(registry._PLANNERS)


def test_every_kind_says_what_it_is_in_a_spec() -> None:
    assert tuple(KINDS) == tuple(EditKind)


def test_a_kind_that_must_have_a_key_may_have_it() -> None:
    assert all(kind.takes_within for kind in KINDS.values() if kind.needs_within)
    assert all(kind.takes_was for kind in KINDS.values() if kind.needs_was)
