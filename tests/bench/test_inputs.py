"""No call of a timing process repeats an input, and both arms are asked for the same."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.bench.inputs import BATCH_S, batch_size, plan_inputs, shuffled_input
from patcher.bench.speed import FULL, QUICK
from patcher.execution.results import Case
from patcher.targets.adapter import Model, Test

MODEL = Model("m")
TEST = Test("t", {"text": "measure twice, cut once", "reference": {"seed": 3, "samples": 9}}, 1)


def test_every_input_is_new_and_the_tests_own_is_timed_first() -> None:
    (timed,) = plan_inputs([(MODEL, [TEST])], FULL, "seed")
    (case,) = timed.cases
    assert case.fresh
    assert case.batches[0][0].options == TEST.options
    assert len({str(each.options) for each in case.inputs}) == len(case.inputs) == 4
    assert len({each.options["reference"]["seed"] for each in case.inputs}) == 4


def test_the_seed_decides_the_inputs() -> None:
    asked = [plan_inputs([(MODEL, [TEST])], QUICK, seed)[0].cases[0].inputs for seed in "aab"]
    assert asked[0] == asked[1] != asked[2]


def test_short_calls_are_timed_in_batches() -> None:
    call_s = {Case("m", "t"): BATCH_S / 10}
    (timed,) = plan_inputs([(MODEL, [TEST])], FULL, "seed", call_s=call_s)
    assert [len(batch) for batch in timed.cases[0].batches] == [10] * 8  # two seconds in all
    assert timed.cases[0].fresh
    assert (batch_size(None), batch_size(5.0), batch_size(1e-6)) == (1, 1, 64)


def test_many_short_cases_share_the_time_and_long_calls_are_timed_as_planned() -> None:
    tests = [Test(f"t{number}", {"draw": number}) for number in range(8)]
    for call_s, count in ((BATCH_S / 10, 1), (BATCH_S, 1), (5.0, 1)):
        known = {Case("m", test.name): call_s for test in tests}
        (timed,) = plan_inputs([(MODEL, tests)], QUICK, "seed", call_s=known)
        assert {len(case.batches) for case in timed.cases} == {count}


def test_a_test_that_says_repeat_is_repeated_and_said_to_be() -> None:
    again = Test("t", {"text": "a text", "repeat": True})
    (timed,) = plan_inputs([(MODEL, [again])], QUICK, "seed")
    assert not timed.cases[0].fresh
    assert len({str(each.options) for each in timed.cases[0].inputs}) == 1


def test_inputs_that_cannot_be_varied_are_said_to_come_twice() -> None:
    (timed,) = plan_inputs([(MODEL, [Test("t", {"command": ["true"]})])], QUICK, "seed")
    assert not timed.cases[0].fresh


@settings(derandomize=True)
@given(st.text(max_size=40), st.integers())
def test_another_input_has_the_same_letters_in_the_same_places_of_signs(
    text: str, seed: int
) -> None:
    other = shuffled_input(random.Random(seed), Test("t", {"text": text})).options["text"]
    assert sorted(other) == sorted(text)
    assert [each.isalpha() for each in other] == [each.isalpha() for each in text]
