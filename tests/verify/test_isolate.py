"""Isolation names the culprit, or the pair that does not mix, and keeps the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from patcher.verify.isolate import isolate, minimal_failing

if TYPE_CHECKING:
    from collections.abc import Sequence

Groups = list[frozenset[str]]


def judge_of(groups: Groups):  # type: ignore[no-untyped-def]
    """A judge under which a series fails exactly when it holds one of the groups."""

    def judge(names: Sequence[str]) -> bool:
        return not any(group <= set(names) for group in groups)

    return judge


def test_two_good_patches_and_a_bad_one_keep_the_two() -> None:
    for series in (["bad", "g1", "g2"], ["g1", "bad", "g2"], ["g1", "g2", "bad"]):
        actual = isolate(series, judge_of([frozenset({"bad"})]))
        assert actual.culprits == (("bad",),)
        assert actual.kept == ("g1", "g2")


def test_two_patches_that_do_not_mix_are_named_and_the_later_one_goes() -> None:
    actual = isolate(["a", "b", "c", "d"], judge_of([frozenset({"a", "c"})]))
    assert actual.culprits == (("a", "c"),)
    assert actual.dropped == ("c",)
    assert actual.kept == ("a", "b", "d")


def test_two_independent_culprits_are_both_found() -> None:
    actual = isolate(list("abcdef"), judge_of([frozenset("b"), frozenset("e")]))
    assert set(actual.culprits) == {("b",), ("e",)}
    assert actual.kept == ("a", "c", "d", "f")


def test_a_single_patch_is_its_own_culprit_without_a_trial() -> None:
    actual = isolate(["only"], judge_of([frozenset({"only"})]))
    assert (actual.culprits, actual.kept, actual.trials) == ((("only",),), (), 0)


def test_a_series_that_cannot_be_judged_without_its_base_is_not_blamed_on_the_base() -> None:
    # `user` requires `base`; `user` is bad. Series with `user` alone cannot be judged.
    def judge(names: Sequence[str]) -> bool | None:
        if "user" in names:
            return False if "base" in names else None
        return True

    actual = isolate(["base", "user", "other"], judge)
    assert actual.dropped == ("user",)
    assert actual.kept == ("base", "other")


def test_one_culprit_among_sixteen_takes_few_trials() -> None:
    names = [f"p{number}" for number in range(16)]
    actual = isolate(names, judge_of([frozenset({"p11"})]))
    assert actual.kept == tuple(name for name in names if name != "p11")
    assert actual.trials <= 12


NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True)


@given(NAMES, st.data())
def test_what_is_kept_passes_and_every_group_named_fails_minimally(
    series: list[str], data: st.DataObject
) -> None:
    subset = st.frozensets(st.sampled_from(series), min_size=1, max_size=3)
    groups = data.draw(st.lists(subset, min_size=1, max_size=3))
    judge = judge_of(groups)
    actual = isolate(series, judge)
    assert judge(actual.kept)
    assert sorted([*actual.kept, *actual.dropped]) == sorted(series)
    assert list(actual.kept) == [name for name in series if name in actual.kept]
    for group in actual.culprits:
        assert not judge(group)
        assert all(judge([n for n in group if n != name]) for name in group)


@given(NAMES)
def test_a_series_that_fails_only_as_a_whole_is_minimal_itself(series: list[str]) -> None:
    assert minimal_failing(series, judge_of([frozenset(series)])) == tuple(series)
