"""Reference clips: synthesised voices of an exact length, from a seed. Standard library only."""

from __future__ import annotations

import math
import os
import random
import wave
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE_RATE = 24_000


def clip_name(seed: int, samples: int) -> str:
    """File name of a clip; a clip is a function of these two numbers."""
    return f"voice-{seed}-{samples}.wav"


def write_clip(path: Path, seed: int, samples: int) -> None:
    """Write a mono 16-bit clip of ``samples`` samples at 24 kHz, complete or not at all.

    Vowels on a gliding pitch: harmonics of a fundamental under two formants, gated to syllables
    of about a fifth of a second. No speech, but voiced, audible and different for each seed.
    """
    draw = random.Random(seed)
    pitch_hz = draw.uniform(90.0, 230.0)
    frames = array("h")
    phase = 0.0
    while len(frames) < samples:
        formants = [(draw.uniform(300, 900), 90.0), (draw.uniform(1000, 2400), 160.0)]
        target_hz = pitch_hz * draw.uniform(0.85, 1.2)
        length = int(draw.uniform(0.14, 0.28) * SAMPLE_RATE)
        for at in range(min(length, samples - len(frames))):
            position = at / length
            hz = pitch_hz + (target_hz - pitch_hz) * position
            phase += 2 * math.pi * hz / SAMPLE_RATE
            value = sum(
                math.exp(-(((number * hz - centre) / (3 * width)) ** 2)) * math.sin(number * phase)
                for number in (1, 2, 3, 5, 8)
                for centre, width in formants
            )
            envelope = math.sin(math.pi * position) ** 0.5
            value = 0.22 * envelope * value + 0.002 * draw.uniform(-1, 1)
            frames.append(round(32767 * max(-0.9, min(0.9, value))))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with wave.open(str(partial), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(SAMPLE_RATE)
        clip.writeframes(frames.tobytes())
    partial.replace(path)
