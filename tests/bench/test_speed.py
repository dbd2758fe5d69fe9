"""The speed verdict: every row of the decision table, and the simulated error rates."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import pytest

from patcher.bench import simulate, speed
from patcher.bench.objections import Objections
from patcher.bench.speed import FULL, QUICK, Word, decide


def steady(ratio: float, pairs: int, spread: float = 0.001) -> list[float]:
    """Differences centred at a ratio of times, spread evenly around it."""
    return [math.log(ratio) + spread * (2 * i / (pairs - 1) - 1) for i in range(pairs)]


QUIET = [0.001, -0.001] * 4

ROWS = {
    "a gate failure withholds the timing": (
        decide([], [], QUICK, 0.03, withheld="6 of 9 cases failed"),
        (Word.NOT_MEASURED, "withheld"),
    ),
    "no finished pair is not-measured": (
        decide([], [], QUICK, 0.03),
        (Word.NOT_MEASURED, "no-pairs"),
    ),
    "five pairs cannot reach the confidence of six": (
        decide(steady(0.5, 5), QUIET, QUICK, 0.03),
        (Word.UNDECIDED, "too-few-pairs"),
    ),
    "a time in which the weights cannot be read is impossible": (
        decide(steady(0.5, 8), QUIET, FULL, 0.03, against=Objections(impossible="too fast")),
        (Word.IMPOSSIBLE, "below-the-floor"),
    ),
    "two clocks that differ are a dispute": (
        decide(steady(0.5, 8), QUIET, FULL, 0.03, against=Objections(disputed="half")),
        (Word.CLOCK_DISPUTED, "clocks-differ"),
    ),
    "a pipe that costs as much as what is looked for may hide a change": (
        decide(steady(1.005, 8), QUIET, FULL, 0.03, against=Objections(transport="a lot")),
        (Word.UNDECIDED, "transport"),
    ),
    "a change that is seen through such a pipe is no smaller than it looks": (
        decide(steady(0.5, 8), QUIET, FULL, 0.03, against=Objections(transport="a lot")),
        (Word.FASTER, "interval-below-1"),
    ),
    "an interval below 1 and beyond the margin is faster": (
        decide(steady(0.90, 8), QUIET, FULL, 0.03),
        (Word.FASTER, "interval-below-1"),
    ),
    "an interval above 1 and beyond the margin is slower": (
        decide(steady(1.05, 8), QUIET, FULL, 0.03),
        (Word.SLOWER, "interval-above-1"),
    ),
    "an interval inside the margin is no measurable change": (
        decide(steady(1.005, 8), QUIET, FULL, 0.03),
        (Word.NO_CHANGE, "interval-inside-margin"),
    ),
    "a sure change within the margin stays undecided": (
        decide(steady(1.028, 8, spread=0.02), QUIET, FULL, 0.03),
        (Word.UNDECIDED, "smaller-than-margin"),
    ),
    "a wide interval stays undecided": (
        decide(steady(1.0, 8, spread=0.2), QUIET, FULL, 0.03),
        (Word.UNDECIDED, "interval-too-wide"),
    ),
    "a noisy machine widens the margin beyond the estimate": (
        decide(steady(1.05, 8), [0.3, -0.3] * 4, FULL, 0.03),
        (Word.NO_CHANGE, "interval-inside-margin"),
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_decision_table(row: str) -> None:
    verdict, expected = ROWS[row]
    assert (verdict.word, verdict.reason) == expected


def test_every_row_of_the_table_is_reached_by_a_test() -> None:
    assert {row.reason for row in speed.TABLE} == {reason for _, (_, reason) in ROWS.values()}


def test_undecided_always_says_what_could_be_seen_and_what_is_missing() -> None:
    verdict = decide(steady(1.02, 8, spread=0.05), QUIET, FULL, 0.03)
    assert verdict.word is Word.UNDECIDED
    assert verdict.smallest_detectable is not None
    assert verdict.smallest_detectable > 0.03
    assert verdict.pairs_needed
    assert verdict.pairs_needed % 2 == 0
    assert "smallest detectable change" in verdict.sentence()
    assert "still needed" in verdict.sentence()


def test_pairs_that_vary_beyond_all_measure_are_said_without_a_figure() -> None:
    verdict = decide(steady(1.02, 6, spread=3.0), QUIET, FULL, 0.03)
    assert verdict.word is Word.UNDECIDED
    assert verdict.smallest_detectable is not None
    assert verdict.smallest_detectable > 1.0
    assert "no change could have been seen" in verdict.sentence()
    assert "smallest detectable change" not in verdict.sentence()


def test_a_single_case_that_regresses_is_named_after_correction() -> None:
    flat = [0.001, -0.001, 0.002, -0.002, 0.0015, -0.0015, 0.0005, -0.0005]
    cases = {f"case {index}": flat for index in range(8)}
    cases["slow"] = steady(1.2, 8)
    (actual,) = speed.find_regressions(cases, 0.03)
    assert actual.case == "slow"
    assert actual.p_value == pytest.approx(9 / 2**8)


def test_six_pairs_cannot_convict_one_of_nine_cases() -> None:
    assert not speed.find_regressions({str(i): steady(1.2, 6) for i in range(9)}, 0.03)


def test_the_full_procedure_is_wrong_at_most_one_time_in_twenty_on_identical_arms() -> None:
    rates = {
        name: simulate.call_rate(judge, 0.0, sessions=400, seed=5)
        for name, judge in simulate.METHODS.items()
    }
    patcher_rates = [rate for name, rate in rates.items() if "ABBA" in name or "patcher" in name]
    block_rates = [rate for name, rate in rates.items() if "block after block" in name]
    assert max(patcher_rates) <= 0.065  # 5 % and what 400 sessions can hide
    assert min(block_rates) > 0.15


def test_the_full_procedure_finds_five_per_cent_nine_times_in_ten() -> None:
    judge = simulate.METHODS["patcher, full (looks, margin, floor)"]
    assert simulate.call_rate(judge, -0.05, sessions=400, seed=5) >= 0.9


def test_a_half_per_cent_change_is_never_called_faster_or_slower() -> None:
    rng = random.Random(9)
    words = [
        simulate.follow(
            FULL, *simulate.mirrored_pairs(rng, simulate.Machine(), math.log(1.005), 20)
        ).word
        for _ in range(200)
    ]
    assert sum(word in (Word.FASTER, Word.SLOWER) for word in words) <= 10


def test_the_simulator_prints_a_table() -> None:
    out = subprocess.run(
        [sys.executable, "-m", "patcher.bench.simulate", "--sessions", "20"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "Mann-Whitney" in out
    assert out.count("\n|") >= len(simulate.METHODS)


def test_the_statistics_import_neither_numpy_nor_torch() -> None:
    code = (
        "import sys\n"
        "from patcher.bench import simulate, speed, statistics\n"
        "print({'numpy', 'torch', 'scipy'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "set()"
