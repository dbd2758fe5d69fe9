"""A text becomes tokens, tokens a spectrogram, a spectrogram a waveform."""

import math
import random

RATE = 8000
SAMPLES = 320  # a token: 25 of them are a second
BANDS = 8
ROUNDS = 400  # passes of the vocoder; nearly all of the time goes into them


class Hum:
    """One loaded voice."""

    def __init__(self, pitch=110.0):
        self.pitch = pitch

    def tokens(self, text, seed, spread=4):
        """One token a letter, drawn around the letter's code."""
        rng = random.Random(seed)
        return [(ord(letter) + rng.randrange(spread)) % 64 for letter in text]

    def spectrogram(self, tokens):
        """Levels of ``BANDS`` bands, one frame a token: a list of bands."""
        return [
            [math.cos(0.1 * token * (band + 1)) - 0.5 * band for token in tokens]
            for band in range(BANDS)
        ]

    def waveform(self, bands):
        """Samples between -1 and 1."""
        table = self.polish([math.sin(2 * math.pi * at / SAMPLES) for at in range(SAMPLES)])
        samples = []
        for frame in range(len(bands[0])):
            level = 0.2 * math.exp(sum(band[frame] for band in bands) / 40)
            step = 1 + int(self.pitch / 40) + frame % 5
            samples.extend(level * table[at * step % SAMPLES] for at in range(SAMPLES))
        return samples

    def polish(self, table):
        """Smooth the wave table; every pass starts from the same table."""
        polished = table
        for _ in range(ROUNDS):
            polished = [
                (table[at - 1] + 6 * table[at] + table[(at + 1) % SAMPLES]) / 8
                for at in range(SAMPLES)
            ]
            polished = [math.copysign(abs(value) ** 0.98, value) for value in polished]
        return polished

    def hum(self, text, seed=0, spread=4, gain=1.0):
        """Hum a text; a list of samples at ``RATE``."""
        tokens = self.tokens(text, seed, spread=spread)
        samples = self.waveform(self.spectrogram(tokens))
        return samples if gain == 1.0 else [gain * sample for sample in samples]
