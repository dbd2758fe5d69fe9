"""The multilingual model's hooks, generation after generation, with the patch and without."""

from __future__ import annotations

from importlib.util import find_spec
from statistics import median

import pytest

from benchmarks.hook_leak import STEP, measured

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]
GENERATIONS = 150


def test_150_generations_stay_flat_with_the_patch_and_not_without_it() -> None:
    arms, _ = measured(GENERATIONS)
    left = {name: samples[STEP - 1 :: STEP] for name, samples in arms.items()}
    pristine, patched = left["pristine"], left["mtl_hook_leak_fix"]
    assert [row["hooks"] - pristine[0]["hooks"] for row in pristine] == [0, 75, 150, 225, 300, 375]
    assert [row["analysers"] for row in pristine] == [25, 50, 75, 100, 125, 150]
    assert pristine[-1]["kib"] > 3 * pristine[0]["kib"]
    assert {(row["hooks"], row["analysers"], row["kib"]) for row in patched} == {
        (patched[0]["hooks"], 1, patched[0]["kib"])
    }
    # Both ran in turn: what else slowed the machine down met both.
    pairs = zip(*arms.values(), strict=True)
    ratios = [original["ms"] / mended["ms"] for original, mended in pairs]
    assert median(ratios[-STEP:]) > 1.1 * median(ratios[:STEP])
