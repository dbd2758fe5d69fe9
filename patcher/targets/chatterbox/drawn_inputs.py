"""Calls of `generate` that nobody could know: drawn from a seed when the trees are frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Test

if TYPE_CHECKING:
    import random

VOCABULARY = """
after all answer before bench bright carry clock copper early every field follow
garden green harbour hear hold iron judge keep kind later letter light measure
morning never nine north often open paper patch quiet river second seven silver slow
small steady stone table thread twice under voice water while window winter write
"""
WORDS = VOCABULARY.split()
LONG_TOKENS = 48  # past 40, where a quiet limit would hide
SHORT_TOKENS = 8
MOST_TOKENS = 1000  # what `generate` itself asks for
SECONDS = (1.0, 2.5)  # of a reference clip
RATE = 24_000


def drawn(rng: random.Random, at: int, *, full: bool) -> Test:
    """One call.

    Number 0 of a model is long and has every argument off its default. The others have a short
    text each; every second one a voice never heard before.
    """
    longest = at == 0
    tokens = (MOST_TOKENS if full else LONG_TOKENS) if longest else SHORT_TOKENS
    options: dict[str, Any] = {"text": sentence(rng, 24 if longest else rng.randrange(2, 9))}
    options["tokens"] = tokens
    if longest:
        options["arguments"] = arguments(rng)
    if longest or at % 2 == 0:
        samples = round(rng.uniform(*SECONDS) * RATE)
        options["reference"] = {"seed": rng.randrange(1 << 30), "samples": samples}
    words = "long text, all arguments" if longest else f"{len(options['text'])} letters"
    return Test(f"Drawn {at + 1}: {words}", options, seed=rng.randrange(1 << 30))


def edges(rng: random.Random) -> tuple[Test, ...]:
    """Calls at the edges of what `generate` takes, in the built-in voice.

    One short word without a blank; one letter; one word many times; no letter at all, for which
    the package has words of its own; sampling and guidance at their least.
    """
    word = min(rng.sample(WORDS, 8), key=len)
    least = {
        "exaggeration": 0.0,
        "cfg_weight": 0.0,
        "temperature": 0.05,
        "min_p": 0.0,
        "top_p": 1.0,
    }
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("a short word", {"text": word}),
        ("one letter", {"text": rng.choice(word)}),
        ("a word again and again", {"text": f"{word} " * 12}),
        ("no letter", {"text": ""}),
        ("arguments at their least", {"text": sentence(rng, 3), "arguments": least}),
    )
    return tuple(
        Test(f"Edge: {name}", {**options, "tokens": SHORT_TOKENS}, seed=rng.randrange(1 << 30))
        for name, options in calls
    )


def sentence(rng: random.Random, words: int) -> str:
    """So many words, the first with a capital, a full stop at the end."""
    text = " ".join(rng.choice(WORDS) for _ in range(words))
    return f"{text.capitalize()}."


def arguments(rng: random.Random) -> dict[str, float]:
    """Every argument of `generate` but text and voice, none at its default."""
    return {
        "repetition_penalty": round(rng.uniform(1.3, 1.6), 2),
        "min_p": round(rng.uniform(0.06, 0.1), 3),
        "top_p": round(rng.uniform(0.85, 0.95), 2),
        "exaggeration": round(rng.uniform(0.6, 0.9), 2),
        "cfg_weight": round(rng.uniform(0.2, 0.4), 2),
        "temperature": round(rng.uniform(0.6, 0.75), 2),
    }
