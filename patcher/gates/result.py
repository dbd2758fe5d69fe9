"""What one gate says of one case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class GateResult:
    """What one gate says of one case.

    Attributes:
        gate: ``smoke``, ``bitwise``, ``close`` or ``perceptual``.
        message: one sentence; empty when it passed and there is nothing to say.
        stage, index, size: the first stage that differs, the flat index of its first differing
            element, and how many elements differ.
        measured: the figures behind it, by name; ``limits`` what each was held against.
    """

    gate: str
    passed: bool
    message: str = ""
    stage: str | None = None
    index: int | None = None
    size: int | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
