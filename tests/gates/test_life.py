"""A long life fails for what grows with the calls, not for what a neighbour does to a few."""

from __future__ import annotations

from patcher.gates.life import TIME, Lived, judge_life, slowed_alone

CALLS = 50
STEADY = Lived((100.0,) * CALLS, (0.05,) * CALLS)


def lived(memory: float = 0.0, slower_s: float = 0.0) -> Lived:
    """A life that grows by so much with each call."""
    return Lived(
        tuple(100.0 + memory * at for at in range(CALLS)),
        tuple(0.05 + slower_s * at for at in range(CALLS)),
    )


def test_a_steady_life_passes() -> None:
    assert judge_life(STEADY, STEADY).passed


def test_memory_that_grows_with_every_call_fails_at_once() -> None:
    actual = judge_life(STEADY, lived(memory=1.0))
    assert not actual.passed
    assert not slowed_alone(actual, CALLS)


def test_calls_that_get_slower_fail_for_their_times_alone() -> None:
    actual = judge_life(STEADY, lived(slower_s=0.002))
    assert not actual.passed
    assert slowed_alone(actual, CALLS)
    assert actual.measured[TIME] > 1.5


def test_what_both_arms_do_is_no_growth() -> None:
    assert judge_life(lived(1.0, 0.002), lived(1.0, 0.002)).passed


def test_a_neighbour_that_slows_down_most_of_the_last_calls_decides_nothing() -> None:
    seconds = [0.05] * CALLS
    seconds[-7:] = [0.11] * 7
    assert judge_life(STEADY, Lived((100.0,) * CALLS, tuple(seconds))).passed
