"""What the exact set promises and no clock can blur: fewer operations, nothing to wait for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import platformdirs
import pytest

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]

from benchmarks.catalogue import rates  # noqa: E402
from benchmarks.catalogue.measure import Lab  # noqa: E402
from benchmarks.catalogue.tables import RATES  # noqa: E402
from benchmarks.catalogue.trees import Target  # noqa: E402

Counted = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def counted() -> Counted:
    cache = Path(os.environ.get("PATCHER_CACHE") or platformdirs.user_cache_dir("patcher"))
    target = Target()
    lab = Lab(target, "cpu", cache, print)
    subjects = target.subjects(["@exact"])
    return {subject.name: lab.count(subject, "tiny") for subject in subjects}


# A compiled layer makes more views than the plain one, at no cost in Python.
@pytest.mark.parametrize(("measure", "share"), [("operations", 0.75), ("dispatches", 0.85)])
def test_a_t3_step_of_the_exact_set_takes_less(
    counted: Counted, measure: str, share: float
) -> None:
    now, then = counted["@exact"]["t3_step"], counted["pristine"]["t3_step"]
    assert now[measure] <= share * then[measure]


def test_a_cfm_step_of_the_exact_set_waits_for_nothing(counted: Counted) -> None:
    assert counted["pristine"]["cfm_step"]["reads"] > 0
    assert counted["@exact"]["cfm_step"]["reads"] == 0


def test_a_t3_step_waits_for_its_token_alone(counted: Counted) -> None:
    assert counted["@exact"]["t3_step"]["reads"] == 1
    assert counted["@exact"]["t3_step"]["uploads"] == 0


def test_every_voice_comes_out_the_same_to_the_bit(counted: Counted) -> None:
    stages = counted["pristine"]["stages"]
    assert {name.split("/")[1] for name in stages} >= {"speech_tokens", "mel", "waveform"}
    assert counted["@exact"]["stages"] == stages


def test_a_processor_is_told_by_a_rate_for_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WEIGHTS": 2, "TURNS": 1, "ROUNDS": 1}.items():
        monkeypatch.setattr(rates, name, value)
    actual = rates.rates("cpu")
    assert actual.keys() == RATES.keys()
    assert all(rate > 0 for rate in actual.values())
