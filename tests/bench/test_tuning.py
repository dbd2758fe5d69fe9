"""The search for the fastest set: what it finds, and what it never proposes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from patcher.bench.tuning import Names, Part, TuningTrial, search, with_part, without_part

NAMES = tuple("abcdef")


def run(
    time_of: Callable[[Names], float],
    parts: Mapping[str, Part],
    starts: Mapping[str, Names] | None = None,
) -> tuple[Names, list[TuningTrial]]:
    """Search with a clock that does not err."""
    trials: list[TuningTrial] = []
    steps = search(starts or {}, parts)
    try:
        trial = next(steps)
        while True:
            trials.append(trial)
            trial = steps.send(time_of(trial.patches) < time_of(trial.beside))
    except StopIteration as end:
        return end.value, trials


def gains(**factors: float) -> Callable[[Names], float]:
    return lambda names: math.prod(factors.get(name, 1.0) for name in names)


def test_it_keeps_what_is_faster_and_nothing_else() -> None:
    best, _ = run(gains(a=0.5, b=1.1, c=0.9), {name: Part() for name in "abc"})
    assert best == ("a", "c")


def test_nothing_is_better_than_pristine_when_nothing_helps() -> None:
    best, _ = run(gains(a=1.1), {"a": Part(), "b": Part()})
    assert best == ()


def test_a_patch_that_hinders_beside_another_is_taken_out_again() -> None:
    def time_of(names: Names) -> float:
        if {"a", "b"} <= set(names):
            return 0.5 if "a" in names else 0.4
        return {(): 1.0, ("a",): 0.8, ("b",): 0.3}.get(names, 1.0)

    best, trials = run(time_of, {"a": Part(), "b": Part()})
    assert best == ("b",)
    assert [trial.kind for trial in trials] == ["add", "add", "drop", "drop"]


def test_a_patch_comes_with_what_it_requires() -> None:
    best, trials = run(gains(b=0.5, a=1.01), {"b": Part(requires=("a",)), "a": Part()})
    assert best == ("a", "b")
    assert trials[0].patches == ("a", "b")


def test_a_conflicting_patch_is_tried_in_place_of_the_other() -> None:
    parts = {"a": Part(), "b": Part(conflicts=frozenset({"a"}))}
    best, trials = run(gains(a=0.9, b=0.5), parts)
    assert best == ("b",)
    assert trials[1] == TuningTrial("swap", "b", ("b",), ("a",))


def test_a_set_that_is_part_of_the_best_one_costs_no_time() -> None:
    starts = {"small": ("a",), "large": ("a", "b")}
    _, trials = run(gains(a=0.9, b=0.9), {name: Part() for name in "ab"}, starts)
    assert [trial.changed for trial in trials if trial.kind == "start"] == ["large"]


@st.composite
def catalogues(draw: st.DrawFn) -> dict[str, Part]:
    """Parts that require earlier ones and conflict with others they do not need."""
    parts: dict[str, Part] = {}
    for name in NAMES:
        before = list(parts)
        requires = tuple(draw(st.lists(st.sampled_from(before), max_size=2))) if before else ()
        others = [other for other in before if other not in requires]
        conflicts = draw(st.frozensets(st.sampled_from(others), max_size=1)) if others else ()
        parts[name] = Part(requires, frozenset(conflicts))
    return parts


@given(catalogues(), st.dictionaries(st.sampled_from(NAMES), st.floats(0.5, 1.5)))
def test_the_result_is_never_slower_than_any_step_on_the_way(
    parts: dict[str, Part], factors: dict[str, float]
) -> None:
    time_of = gains(**factors)
    best, trials = run(time_of, parts)
    assert all(time_of(best) <= time_of(trial.beside) for trial in trials)
    assert len(trials) <= 2 * len(parts)


@given(catalogues(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_what_is_required_is_there_before_and_leaves_no_orphans(
    parts: dict[str, Part], each: str, other: str
) -> None:
    both = with_part(other, with_part(each, (), parts), parts)
    for names in (both, without_part(each, both, parts)):
        for position, name in enumerate(names):
            assert set(parts[name].requires) <= set(names[:position]) or name == other
    assert each not in without_part(each, both, parts)
