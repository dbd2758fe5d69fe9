"""The same words in the same voice: word error rate and speaker similarity of two results.

What a listener makes of the sound is asked of pristine code, in a process of the baseline, with
real weights only (`Session.recognised`): a transcript by a speech recogniser, and the speaker as
the target's own encoder hears him (``words of NAME``, ``speaker of NAME``; ``not heard`` says why
there is neither). The baseline's transcript is the reference.

The word error rate is that of jiwer (extra ``speech``): substitutions, deletions and insertions
over the words of the reference, letter case and punctuation left out. The similarity is the cosine
of the two speaker embeddings.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.gates.result import GateResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WORDS, SPEAKER, NOT_RECOGNISED = "words of ", "speaker of ", "not heard"
"""Names, or the beginnings of names, of what `Session.recognised` says."""
NO_JIWER = "jiwer is not installed (`pip install 'jiwer>=3'`)"


@dataclass(frozen=True)
class SpeechLimits:
    """At most so many wrong words of the baseline's, and at least so alike a speaker."""

    word_error_rate: float = 0.15
    speaker_similarity: float = 0.75


def judge_speech(
    baseline: Mapping[str, Any], patched: Mapping[str, Any], limits: SpeechLimits, gate: str
) -> GateResult | None:
    """Hold the words and voices of the patched arm against the baseline's; None when all is well.

    Args:
        baseline, patched: what `Session.recognised` gave for each arm's result.
    """
    for name, value in baseline.items():
        other = patched.get(name)
        if name.startswith(WORDS) and can_count_words():
            rate = word_error_rate(str(value), str(other or ""))
            if not rate <= limits.word_error_rate:
                message = f"{name}: {rate:.0%} are not the baseline's, limit "
                message += f"{limits.word_error_rate:.0%}: {other!r}, on the baseline {value!r}"
                return GateResult(gate, False, message, name, measured={"word error rate": rate})
        if name.startswith(SPEAKER):
            likeness = similarity(value, other or ())
            if not likeness >= limits.speaker_similarity:
                message = f"{name} is another one: similarity {likeness:.2f}, at least "
                message += f"{limits.speaker_similarity:g}"
                return GateResult(gate, False, message, name, measured={"similarity": likeness})
    return None


def unrecognised(result: Mapping[str, Any]) -> Iterator[str]:
    """Why words or speaker could not be compared, in words."""
    if reason := result.get(NOT_RECOGNISED):
        yield str(reason)
    if any(name.startswith(WORDS) for name in result) and not can_count_words():
        yield NO_JIWER


def is_recognised(name: str) -> bool:
    """Whether a name of what is embedded in a result is one of `Session.recognised`."""
    return name == NOT_RECOGNISED or name.startswith((WORDS, SPEAKER))


def can_count_words() -> bool:
    """Whether the library that counts words is there."""
    from importlib.util import find_spec

    return find_spec("jiwer") is not None


def word_error_rate(reference: str, other: str) -> float:
    """Wrong words over words of the reference; 0 where neither says anything, 1 where one does."""
    import jiwer

    expected, actual = plain(reference), plain(other)
    if not expected:
        return 1.0 if actual else 0.0
    return float(jiwer.wer(expected, actual))


def plain(text: str) -> str:
    """Words alone, in lower case."""
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower()))


def similarity(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine between two embeddings; NaN where there is none, or of another length."""
    sizes = math.hypot(*one) * math.hypot(*other)
    if len(one) != len(other) or not sizes:
        return math.nan
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / sizes
