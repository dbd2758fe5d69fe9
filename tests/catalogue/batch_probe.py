"""Run on a tree with `generate_batch` by `test_batch`: every text alone, then all of them at once.

    python batch_probe.py CHECKPOINT CLIPS

Prints one JSON object. The single calls are the package's own `generate`.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import warnings
from pathlib import Path
from typing import Any

TEXTS = (
    "Measure twice, cut once.",
    "Hello.",
    "The quick brown fox jumps over the lazy dog, and then it sleeps for a while.",
)
SEEDS = (11, 12, 13)
MOST = 8


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore")
    import torch
    from chatterbox.tts import ChatterboxTTS

    from patcher.targets.chatterbox.scale import apply_scale

    apply_scale("tiny")
    speaker = ChatterboxTTS.from_local(Path(sys.argv[1]), "cpu")
    clips = sorted(str(path) for path in Path(sys.argv[2]).glob("*.wav"))
    voices = [None, clips[0], None]
    watched = Watched(speaker)
    # A text that ends early: what the second one draws fourth.
    drawn = watched.alone(voices[1:2], TEXTS[1:2], SEEDS[1:2])["tokens"][0]
    speaker.t3.hp.stop_speech_token = drawn[3]
    alone = watched.alone(voices)
    conditions = speaker.conds
    torch.manual_seed(5)
    expected = torch.rand(3).tolist()
    torch.manual_seed(5)
    together = watched.together(voices, flow_rows=len(TEXTS))
    results = {
        "lengths": [len(each) for each in alone["tokens"]],
        "together": compared(alone, together),
        "rows a step": watched.rows,
        "random numbers": [torch.rand(3).tolist(), expected],
        "the voice is kept": speaker.conds is conditions,
        "nothing": speaker.generate_batch([]),
    }
    try:
        speaker.generate_batch(["a", "b"], seeds=[1])
    except ValueError as error:
        results["refused"] = str(error)
    print(json.dumps(results))


class Watched:
    """A speaker whose tokens and sound are kept, capped at `MOST` tokens."""

    def __init__(self, speaker: Any) -> None:
        self.speaker = speaker
        self.rows: list[int] = []
        inference, decode, flow = speaker.t3.inference, speaker.t3.tfmr.forward, speaker.s3gen

        def capped(**named: Any) -> Any:
            return inference(**{**named, "max_new_tokens": MOST})

        def counted(*given: Any, **named: Any) -> Any:
            self.rows.append(len(named["inputs_embeds"]))
            return decode(*given, **named)

        speaker.t3.inference, speaker.t3.tfmr.forward = capped, counted
        self.mels: list[Any] = []
        vocode = flow.hift_inference

        def kept(mel: Any, *given: Any, **named: Any) -> Any:
            self.mels.append(mel.clone())
            return vocode(mel, *given, **named)

        flow.hift_inference = kept
        self.tokens: list[list[int]] = []
        embed = flow.flow.input_embedding.forward

        def spoken(tokens: Any) -> Any:
            self.tokens.append(tokens.flatten().tolist())
            return embed(tokens)

        flow.flow.input_embedding.forward = spoken

    def alone(
        self, voices: list[str | None], texts: Any = TEXTS, seeds: Any = SEEDS
    ) -> dict[str, list[Any]]:
        """By `generate`, after a seed of its own each."""
        import torch

        self.start()
        built_in = self.speaker.conds
        audio = []
        for text, voice, seed in zip(texts, voices, seeds, strict=True):
            self.speaker.conds = built_in
            if voice:
                self.speaker.prepare_conditionals(voice)
            torch.manual_seed(seed)
            audio.append(self.speaker.generate(text))
        self.speaker.conds = built_in
        return self.result(audio)

    def together(self, voices: list[str | None], **named: Any) -> dict[str, list[Any]]:
        self.start()
        options = {"max_new_tokens": MOST, **named}
        return self.result(self.speaker.generate_batch(TEXTS, voices, SEEDS, **options))

    def start(self) -> None:
        self.rows, self.mels, self.tokens = [], [], []

    def result(self, audio: list[Any]) -> dict[str, list[Any]]:
        frames = [mel.shape[2] // 2 for mel in self.mels]
        spoken = [each[len(each) - n :] for each, n in zip(self.tokens, frames, strict=True)]
        return {"audio": audio, "mels": self.mels, "tokens": spoken}


def compared(alone: dict[str, list[Any]], together: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Each text of the batch beside its single call."""
    import torch

    results = []
    for number in range(len(TEXTS)):
        one, other = (each["audio"][number] for each in (alone, together))
        mel, other_mel = (each["mels"][number] for each in (alone, together))
        same = one.shape == other.shape and mel.shape == other_mel.shape
        result: dict[str, Any] = {
            "tokens": alone["tokens"][number] == together["tokens"][number],
            "shape": same,
        }
        if same:
            noise = float((one - other).square().sum())
            signal = float(one.square().sum())
            result["snr_db"] = 10 * math.log10(signal / noise) if noise else 999.0
            result["mel"] = bool(torch.allclose(mel, other_mel, rtol=1e-4, atol=1e-4))
            result["mel_worst"] = float((mel - other_mel).abs().max())
        results.append(result)
    return results


if __name__ == "__main__":
    main()
