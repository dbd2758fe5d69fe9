"""The same words in the same voice: figures on given transcripts and embeddings."""

from __future__ import annotations

import math

import pytest

from patcher.gates.speech import (
    NO_JIWER,
    SpeechLimits,
    judge_speech,
    similarity,
    unrecognised,
    word_error_rate,
)

SAID = "Measure twice, cut once: that's the rule."
LIMITS = SpeechLimits()


@pytest.mark.parametrize(
    ("other", "rate"),
    [
        pytest.param("measure twice cut once that's the rule", 0.0, id="case aside"),
        pytest.param("Measure twice, cut one: that's the rule.", 1 / 7, id="a word of seven"),
        pytest.param("Measure twice, cut once, cut once: that's the rule.", 2 / 7, id="repeated"),
        pytest.param("", 1.0, id="silence"),
        pytest.param("rule the that's once cut twice measure", 6 / 7, id="backwards"),
    ],
)
def test_wrong_words_are_counted_over_the_words_of_the_baseline(other: str, rate: float) -> None:
    assert word_error_rate(SAID, other) == pytest.approx(rate)


def test_silence_equals_silence_and_words_out_of_nothing_are_all_wrong() -> None:
    assert (word_error_rate("", ""), word_error_rate("...", "a word")) == (0.0, 1.0)


def test_speakers_are_as_alike_as_their_embeddings_point_the_same_way() -> None:
    assert similarity([1.0, 2.0], [2.0, 4.0]) == pytest.approx(1.0)
    assert similarity([1.0, 0.0], [0.0, 1.0]) == pytest.approx(0.0)
    assert math.isnan(similarity([1.0], []))
    assert math.isnan(similarity([0.0], [1.0]))


@pytest.mark.parametrize(
    ("patched", "said"),
    [
        pytest.param({"words of audio": SAID, "speaker of audio": [1.0, 0.1]}, "", id="the same"),
        pytest.param(
            {"words of audio": "Quite another thing", "speaker of audio": [1.0, 0.0]},
            "words of audio: 100% are not the baseline's, limit 15%", id="other words"),
        pytest.param(
            {"words of audio": SAID, "speaker of audio": [0.0, 1.0]},
            "speaker of audio is another one: similarity 0.00, at least 0.75", id="another voice"),
        pytest.param({"speaker of audio": [1.0, 0.0]}, "words of audio: 100%", id="no words"),
        pytest.param({"words of audio": SAID}, "similarity nan", id="no voice"),
        pytest.param({"unreadable": "ValueError"}, "words of audio", id="nothing"),
    ],
)  # fmt: skip
def test_other_words_and_another_voice_fail(patched: dict[str, object], said: str) -> None:
    baseline = {"words of audio": SAID, "speaker of audio": [1.0, 0.0]}
    result = judge_speech(baseline, patched, LIMITS, "perceptual")
    assert (result is None) == (said == "")
    assert result is None or said in result.message


def test_what_keeps_words_from_being_heard_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [*unrecognised({"not heard": "no weights"})] == ["no weights"]
    assert [*unrecognised({"words of audio": SAID})] == []
    monkeypatch.setattr("patcher.gates.speech.can_count_words", lambda: False)
    assert [*unrecognised({"words of audio": SAID})] == [NO_JIWER]
    assert judge_speech({"words of audio": SAID}, {}, LIMITS, "perceptual") is None
