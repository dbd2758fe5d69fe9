"""Arrays without NumPy: stage files as flat sequences of numbers, and the measures gates use.

Pure but for `load`. Every comparison with a limit is written so that NaN fails it.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from dataclasses import dataclass
from operator import mul, sub
from typing import TYPE_CHECKING

from patcher.execution.stages import read_stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from patcher.execution.results import Stage

CODES = {
    "float32": "f",
    "float64": "d",
    "int64": "q",
    "int32": "i",
    "int16": "h",
    "int8": "b",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "bool": "B",
}

# A ratio of signal to noise above this is reported as this: there is no noise to speak of.
MOST_DB = 300.0


@dataclass(frozen=True)
class Array:
    """An array: ``numbers`` in C order, ``math.prod(shape)`` of them."""

    dtype: str
    shape: tuple[int, ...]
    numbers: array[float]

    @property
    def integral(self) -> bool:
        return self.dtype.startswith(("int", "uint", "bool"))

    def rows(self) -> Iterator[Sequence[float]]:
        """Slices along the last axis."""
        width = self.shape[-1] if self.shape else 1
        return (self.numbers[at : at + width] for at in range(0, len(self.numbers), width or 1))


def decode(dtype: str, shape: Sequence[int], data: bytes) -> Array:
    """Little-endian bytes as numbers.

    Raises:
        ValueError: an unknown dtype, or bytes that are not this shape's.
    """
    if dtype in CODES:
        numbers = _native(CODES[dtype], data)
    elif dtype == "bfloat16":  # the upper half of a float32
        widened = bytearray(2 * len(data))
        widened[2::4], widened[3::4] = data[0::2], data[1::2]
        numbers = _native("f", bytes(widened))
    elif dtype == "float16":
        numbers = array("f", struct.unpack(f"<{len(data) // 2}e", data))
    else:
        raise ValueError(f"no such element type: {dtype}")
    if len(numbers) != math.prod(shape):
        raise ValueError(f"{len(numbers)} elements are not of shape {tuple(shape)}")
    return Array(dtype, tuple(shape), numbers)


def _native(code: str, data: bytes) -> array[float]:
    numbers: array[float] = array(code)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def item_size(dtype: str) -> int:
    """Bytes an element takes."""
    return array(CODES[dtype]).itemsize if dtype in CODES else 2


def read_bytes(stage: Stage) -> bytes:
    """A stage's bytes, as many as its shape has; `DamagedRecord` when they are not."""
    return read_stage(stage)


def read_array(stage: Stage) -> array[float]:
    """A stage's elements, flat."""
    return load(stage).numbers


def load(stage: Stage) -> Array:
    """A stage's file as an array."""
    return decode(stage.dtype, stage.shape, read_bytes(stage))


def first_difference(one: Array, other: Array) -> int | None:
    """The flat index of the first element that is not equal; None when all are."""
    if one.numbers == other.numbers:
        return None
    return next(
        (at for at, (a, b) in enumerate(zip(one.numbers, other.numbers, strict=True)) if a != b),
        None,
    )


def rms(numbers: Sequence[float]) -> float:
    """The root of the mean square; 0.0 of nothing."""
    return math.sqrt(math.fsum(map(mul, numbers, numbers)) / len(numbers)) if numbers else 0.0


def rmse(one: Sequence[float], other: Sequence[float]) -> float:
    """The root of the mean squared difference."""
    return rms(list(map(sub, one, other)))


def mean_abs_difference(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(map(abs, map(sub, one, other))) / len(one) if one else 0.0


def max_abs_difference(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest absolute difference; NaN when there is a NaN anywhere."""
    differences = list(map(abs, map(sub, one, other)))
    if any(map(math.isnan, differences)):
        return math.nan
    return max(differences, default=0.0)


def snr_db(reference: Sequence[float], other: Sequence[float]) -> float:
    """Signal over difference in decibels, at most `MOST_DB`; NaN when there is a NaN anywhere."""
    noise, signal = rmse(reference, other), rms(reference)
    if math.isnan(noise) or math.isnan(signal):
        return math.nan
    if noise == 0:
        return MOST_DB
    if signal == 0:
        return -MOST_DB
    return min(MOST_DB, 20 * math.log10(signal / noise))


def log_softmax(logits: Sequence[float]) -> list[float]:
    """Logarithms of the softmax; an infinite negative logit stays one."""
    top = max(logits)
    total = math.log(math.fsum(math.exp(value - top) for value in logits))
    return [value - top - total for value in logits]


def kl_divergence(reference: Sequence[float], other: Sequence[float]) -> float:
    """``KL(reference || other)`` of two rows of logits, in nats; NaN when there is a NaN."""
    if any(map(math.isnan, reference)) or any(map(math.isnan, other)):
        return math.nan
    expected, result = log_softmax(reference), log_softmax(other)
    return math.fsum(
        math.exp(log_p) * (log_p - log_q)
        for log_p, log_q in zip(expected, result, strict=True)
        if log_p > -math.inf
    )


def argmax(numbers: Sequence[float]) -> int:
    return max(range(len(numbers)), key=numbers.__getitem__)


def top(numbers: Sequence[float], count: int) -> list[int]:
    """Indices of the ``count`` largest elements, largest first."""
    import heapq

    return heapq.nlargest(count, range(len(numbers)), key=numbers.__getitem__)
