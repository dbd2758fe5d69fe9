"""What one arm returned as sound: a WAV file, a mel spectrogram, the difference of two.

The adapter says which value is sound by giving its stage's sample rate; nothing here guesses.
"""

from __future__ import annotations

import base64
import io
import wave
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import SOUND

if TYPE_CHECKING:
    from patcher.execution.results import CaseResult

LONGEST_S = 20.0  # of sound in a page; a longer one is cut, and the page says so
BANDS = 80
WINDOW_S, STEP_S = 0.046, 0.012
FLOOR_DB = -80.0
SPREAD_DB = 20.0  # the colours of a difference end here
MOST_COLUMNS = 480


@dataclass(frozen=True)
class Sound:
    """One waveform.

    Attributes:
        samples: (n,) float32 in [-1, 1]; NumPy.
        rate: Hz.
        cut_s: seconds there were, when they were more than a page shows.
    """

    samples: Any
    rate: int
    cut_s: float | None = None

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @cached_property
    def wav(self) -> bytes:
        """16-bit mono WAV."""
        import numpy as np

        finite = np.nan_to_num(self.samples, nan=0.0, posinf=1.0, neginf=-1.0)
        coded = np.round(np.clip(finite, -1, 1) * 32767).astype("<i2")
        made = io.BytesIO()
        with wave.open(made, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(coded.tobytes())
        return made.getvalue()

    @cached_property
    def mel_db(self) -> Any:
        """(bands, frames) mel spectrogram in dB under its own peak, floored at `FLOOR_DB`."""
        import numpy as np
        from matplotlib.mlab import specgram

        width = max(64, int(WINDOW_S * self.rate))
        step = max(1, int(STEP_S * self.rate))
        samples = np.nan_to_num(np.asarray(self.samples, dtype=np.float64))
        if len(samples) < width:
            samples = np.pad(samples, (0, width - len(samples)))
        power, hertz, _ = specgram(samples, NFFT=width, Fs=self.rate, noverlap=width - step)
        banded = mel_filters(hertz) @ power
        return np.maximum(10 * np.log10(np.maximum(banded, 1e-14)), -140.0)


def mel_filters(hertz: Any) -> Any:
    """(bands, bins) triangles, equally wide on the mel scale (O'Shaughnessy 1987)."""
    import numpy as np

    def mel(value: Any) -> Any:
        return 2595 * np.log10(1 + value / 700)

    edges = np.linspace(0, mel(hertz[-1]), BANDS + 2)
    place = mel(np.asarray(hertz))[None, :]
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (place - low) / (middle - low), (high - place) / (high - middle)
    weights = np.maximum(0, np.minimum(rising, falling))
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Sounds:
    """What both arms of a case returned as sound; None for an arm that returned none."""

    baseline: Sound | None = None
    patched: Sound | None = None


def sound_of(result: CaseResult | None) -> Sound | None:
    """The sound a run returned; None when it returned none, or its file is no longer there."""
    stage = result.measured(SOUND) if result is not None and result.ok else None
    if stage is None or result is None or not result.sample_rate:
        return None
    try:
        data = Path(stage.path).read_bytes()
    except OSError:
        return None
    return decode(stage.dtype, data, result.sample_rate)


def decode(dtype: str, data: bytes, rate: int) -> Sound | None:
    """Little-endian samples as a sound; None for elements that are none."""
    import numpy as np

    if dtype == "bfloat16":
        samples = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    elif dtype in ("float16", "float32", "float64"):
        samples = np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(np.float32)
    else:
        return None
    if not len(samples):
        return None
    most = int(LONGEST_S * rate)
    cut_s = len(samples) / rate if len(samples) > most else None
    return Sound(samples[:most], rate, cut_s)


@dataclass(frozen=True)
class Pictures:
    """PNG bytes of both arms' spectrograms and of their difference; None where there is none.

    Attributes:
        largest_db: the largest difference of any band and frame; None without both arms.
    """

    baseline: bytes | None
    patched: bytes | None
    difference: bytes | None = None
    largest_db: float | None = None


def pictures(baseline: Sound | None, patched: Sound | None) -> Pictures:
    """Both spectrograms on one scale of colours, and patched minus baseline."""
    import numpy as np

    mels = [None if each is None else each.mel_db for each in (baseline, patched)]
    peak = max((mel.max() for mel in mels if mel is not None), default=0.0)
    drawn = [None if mel is None else png(mel, peak + FLOOR_DB, peak, "magma") for mel in mels]
    if mels[0] is None or mels[1] is None:
        return Pictures(drawn[0], drawn[1])
    frames = min(mel.shape[1] for mel in mels if mel is not None)
    floor = peak + FLOOR_DB
    first, second = (np.maximum(mel[:, :frames], floor) for mel in mels if mel is not None)
    apart = second - first
    largest = float(np.abs(apart).max())
    picture = png(apart, -SPREAD_DB, SPREAD_DB, "coolwarm")
    return Pictures(drawn[0], drawn[1], picture, largest)


def png(values: Any, low: float, high: float, colours: str) -> bytes:
    """A picture of (bands, frames): the lowest band at the bottom."""
    from matplotlib.image import imsave

    step = -(-values.shape[1] // MOST_COLUMNS)
    made = io.BytesIO()
    imsave(made, values[::-1, ::step], vmin=low, vmax=high, cmap=colours, format="png")
    return made.getvalue()


def data_uri(kind: str, data: bytes) -> str:
    """``data:KIND;base64,...``"""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
