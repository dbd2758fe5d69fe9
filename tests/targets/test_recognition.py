"""What is heard of a sound: the real voice encoder, with synthetic weights."""

from __future__ import annotations

from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from patcher.gates.speech import NOT_RECOGNISED, SPEAKER, WORDS, similarity
from patcher.targets.chatterbox import recognition

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]


@pytest.fixture(scope="module")
def model() -> Any:
    import torch
    from chatterbox.models.voice_encoder import VoiceEncoder

    torch.manual_seed(3)
    encoder = VoiceEncoder().eval()
    with torch.no_grad():
        for name, weight in encoder.named_parameters():
            weight.mul_(5 if "weight" in name else 1)  # as they start, all sounds are one
    return SimpleNamespace(ve=encoder)


def tone(pitch: float, seconds: float = 1.2) -> Any:
    import numpy

    at = numpy.arange(round(24_000 * seconds)) / 24_000
    waves = [numpy.sin(2 * numpy.pi * pitch * n * at) / n for n in range(1, 6)]
    return sum(waves).astype("float32") / 4


@pytest.mark.slow
def test_a_speaker_is_like_himself_and_less_like_another(model: Any) -> None:
    result = recognition.recognised(
        model, {"one": tone(110), "same": tone(110), "other": tone(410)}, 24_000
    )
    one, same, other = (result[f"{SPEAKER}{name}"] for name in ("one", "same", "other"))
    assert len(one) == 256
    assert similarity(one, same) == pytest.approx(1.0)
    assert similarity(one, other) < 0.75


@pytest.mark.slow
def test_without_the_recognisers_weights_it_says_why_no_words_are_heard(
    model: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(recognition, "RECOGNISER", str(tmp_path / "nothing-here"))
    result = recognition.recognised(model, {"audio": tone(110)}, 24_000)
    assert not any(name.startswith(WORDS) for name in result)
    assert result[NOT_RECOGNISED].startswith("no words, for ")
    assert "cannot be loaded: " in result[NOT_RECOGNISED]


def test_what_the_gate_reads_is_what_is_written_here() -> None:
    from patcher.gates import speech

    names = ("WORDS", "SPEAKER", "NOT_RECOGNISED")
    assert [getattr(recognition, each) for each in names] == [
        getattr(speech, each) for each in names
    ]
