"""Many candidates, one after the other: chance keeps none of them."""

from __future__ import annotations

import random

import pytest

from patcher.bench import sequence
from patcher.bench.speed import QUICK, BenchPlan, Word, decide
from patcher.bench.statistics import may_exclude_1
from tests.bench.bench_fakes import FakeStopwatch, MemoryLedger
from tests.bench.test_bench import go, ratio

NOISE = 0.06
MARGIN = 0.03


def faster(rng: random.Random, plan: sequence.BenchPlan, effect: float) -> bool:
    differences = [effect + rng.gauss(0, NOISE) for _ in range(plan.pairs)]
    if plan.early and (shorter := plan.ends_early(differences[: plan.early.pairs])):
        return decide(differences[: shorter.pairs], [], shorter, MARGIN).word is Word.FASTER
    return decide(differences, [], plan, MARGIN).word is Word.FASTER


def kept(rng: random.Random, effects: list[float]) -> list[int]:
    """The candidates that screening and confirmation leave."""
    left, confirmed = [], 0
    for number, effect in enumerate(effects):
        if not faster(rng, sequence.SCREEN, effect):
            continue
        confirmed += 1
        if faster(rng, sequence.confirmation(confirmed), effect):
            left.append(number)
    return left


def test_the_levels_of_all_confirmations_sum_to_the_error() -> None:
    assert sum(map(sequence.level, range(1, 100_000))) == pytest.approx(sequence.ERROR, rel=1e-4)


@pytest.mark.parametrize("number", [1, 2, 5, 20])
def test_a_confirmation_has_pairs_enough_for_its_confidence(number: int) -> None:
    plan = sequence.confirmation(number)
    verdict = decide([-0.5] * plan.pairs, [], plan, MARGIN)
    assert verdict.word is Word.FASTER


def test_of_50_candidates_that_change_nothing_at_most_5_percent_of_sequences_keep_one() -> None:
    rng = random.Random(11)
    sequences = 300
    wrong = sum(bool(kept(rng, [0.0] * 50)) for _ in range(sequences))
    assert wrong / sequences <= sequence.ERROR


def test_a_first_look_ends_with_the_pair_that_rules_faster_out() -> None:
    watch = FakeStopwatch(ratio(1.2))
    run = go(watch, sequence.SCREEN)
    assert (run.stopped, run.verdict.word, watch.order) == ("not faster", Word.UNDECIDED, "AB")
    ledger = MemoryLedger()
    go(FakeStopwatch(ratio(1.2)), sequence.SCREEN, ledger)
    resumed = FakeStopwatch(ratio(1.2))
    assert go(resumed, sequence.SCREEN, ledger).stopped == "not faster"
    assert resumed.order == ""
    assert go(FakeStopwatch(ratio(0.85)), sequence.SCREEN).stopped == "decided"


def test_a_first_look_ends_after_two_pairs_that_are_both_faster_by_more_than_a_fifth() -> None:
    watch = FakeStopwatch(ratio(0.7))
    run = go(watch, sequence.SCREEN)
    assert (run.stopped, run.verdict.word, len(watch.order)) == ("plain gain", Word.FASTER, 4)
    assert run.verdict.interval is not None
    assert run.verdict.interval.confidence == 0.5
    assert go(FakeStopwatch(ratio(0.7)), QUICK).verdict.pairs == QUICK.pairs


@pytest.mark.parametrize("plan", [QUICK, *map(sequence.confirmation, (1, 3, 9))])
def test_no_look_that_ends_early_could_have_ended_as_faster(plan: BenchPlan) -> None:
    rng = random.Random(13)
    early = 0
    for _ in range(100):
        differences = [-0.1 + rng.gauss(0, NOISE) for _ in range(plan.pairs)]
        ends = [
            count
            for count in range(1, plan.pairs)
            if not may_exclude_1(differences[:count], plan.pairs, plan.confidence)
        ]
        if ends:
            early += 1
            assert decide(differences, [], plan, MARGIN).word is not Word.FASTER
    assert early > 5


def test_what_is_a_tenth_faster_is_found_among_them() -> None:
    rng = random.Random(12)
    effects = [0.0] * 9 + [-0.25]
    actual = [kept(rng, effects) for _ in range(60)]
    assert sum(9 in each for each in actual) >= 54
