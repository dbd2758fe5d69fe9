"""Arrays between adapter, worker and gates, without NumPy; standard library alone."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

ITEM_BYTES = {
    "float64": 8,
    "int64": 8,
    "float32": 4,
    "int32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
"""Bytes an element takes; a type that is not listed is not checked."""


@dataclass(frozen=True)
class Buffer:
    """An array without NumPy: C-contiguous, little-endian.

    Attributes:
        dtype: NumPy's name (``float32``, ``int64``, ...), or ``bfloat16``.
        shape: lengths of the axes.
        data: the elements' bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def sha256(self) -> str:
        """Hash of dtype, shape and bytes, so that equal hashes mean equal arrays."""
        head = f"{self.dtype}{list(self.shape)}:".encode()
        return hashlib.sha256(head + self.data).hexdigest()

    @property
    def fits(self) -> bool:
        """There are as many bytes as type and shape ask for."""
        size = ITEM_BYTES.get(self.dtype)
        return size is None or len(self.data) == size * math.prod(self.shape)
