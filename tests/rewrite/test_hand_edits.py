"""Edits as a hand makes them, by seed: whatever was edited, the capture gives it back."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.captures.checking import comes_back, is_small
from benchmarks.captures.hand_edits import BEFORE, EDITS, case
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.capture import File, capture
from patcher.rewrite.replay import replay, replay_modes

FEW, MANY = 150, 5000


def held_back(seeds: range) -> tuple[list[str], float]:
    """The captures that do not come back, and the share of those that are small."""
    wrong, small, tried = [], 0, 0
    for seed in seeds:
        after, made = case(seed)
        if after == BEFORE:
            continue
        tried += 1
        actual = capture("captured", "pkg", BEFORE, after)
        small += is_small(actual, BEFORE, after)
        if not comes_back(actual, BEFORE, after):
            wrong.append(f"{seed}: {', '.join(made)}")
    return wrong, small / tried


def test_every_byte_of_some_hundred_edits_comes_back_and_most_specs_are_small() -> None:
    wrong, small = held_back(range(FEW))
    assert wrong == []
    assert small >= 0.9


@pytest.mark.slow
def test_every_byte_of_five_thousand_edits_comes_back() -> None:
    wrong, small = held_back(range(FEW, FEW + MANY))
    assert wrong == []
    assert small >= 0.9


def test_a_second_capture_on_top_of_the_first_gives_the_tree_back() -> None:
    pristine = {path: data for path, (data, _) in BEFORE.items()}
    bits = {path: mode for path, (_, mode) in BEFORE.items()}
    for seed in range(15):
        first, _ = case(seed)
        between: dict[str, File] = {p: held for p, held in first.items() if held is not None}
        second, _ = case(10_000 + seed, between)
        if first == BEFORE or second == between:
            continue
        one = capture("one", "pkg", BEFORE, first)
        two = capture("two", "pkg", between, second)
        series = [
            read_spec(each.text, f"{name}.yaml", each.attachments)
            for name, each in (("one", one), ("two", two))
        ]
        files = {**pristine, **replay(pristine.get, series)}
        modes = {**bits, **replay_modes(pristine.get, bits.get, series)}
        made = {p: (data, modes.get(p, 0o644)) for p, data in files.items() if data is not None}
        assert made == {p: held for p, held in second.items() if held is not None}, seed


def test_the_generator_makes_every_kind_of_edit_and_only_what_python_can_read() -> None:
    made: Counter[str] = Counter()
    for seed in range(FEW):
        files, names = case(seed)
        made.update(names)
        for path, held in files.items():
            if held is not None and path.endswith("main.py"):
                compile(held[0], path, "exec", dont_inherit=True)
    assert set(made) == set(EDITS)
