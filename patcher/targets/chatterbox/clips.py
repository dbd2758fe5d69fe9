"""Reference clips: synthesised voices of an exact length, from a seed."""

from __future__ import annotations

import math
import os
import random
import wave
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
    import numpy as np  # whoever asks for a name alone needs none of it

    draw = random.Random(seed)
    pitch_hz = draw.uniform(90.0, 230.0)
    syllables = []
    count, phase = 0, 0.0
    while count < samples:
        formants = [(draw.uniform(300, 900), 90.0), (draw.uniform(1000, 2400), 160.0)]
        target_hz = pitch_hz * draw.uniform(0.85, 1.2)
        length = int(draw.uniform(0.14, 0.28) * SAMPLE_RATE)
        position = np.arange(min(length, samples - count)) / length
        hz = pitch_hz + (target_hz - pitch_hz) * position
        phases = np.cumsum(np.append(phase, 2 * math.pi * hz / SAMPLE_RATE))[1:]
        voiced = sum(
            np.exp(-(((number * hz - centre) / (3 * width)) ** 2)) * np.sin(number * phases)
            for number in (1, 2, 3, 5, 8)
            for centre, width in formants
        )
        noise = np.array([draw.uniform(-1, 1) for _ in position])
        syllables.append(0.22 * np.sqrt(np.sin(math.pi * position)) * voiced + 0.002 * noise)
        count += len(position)
        phase = float(phases[-1])
    frames = np.rint(32767 * np.concatenate(syllables).clip(-0.9, 0.9)).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with wave.open(str(partial), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(SAMPLE_RATE)
        clip.writeframes(frames.tobytes())
    partial.replace(path)
