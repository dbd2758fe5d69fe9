"""The smoke gate: is there an output at all, and is it plausible? Looks at one arm alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from patcher.gates import arrays
from patcher.gates.registry import Gate
from patcher.gates.result import GateResult
from patcher.targets.adapter import SOUND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.execution.results import CaseResult

LIMITS: Mapping[str, float] = {
    "least_rms": 1e-3,  # -60 dB of full scale: below it nothing is heard
    "clip_level": 0.999,
    "most_clipped": 0.005,  # share of samples
}


def smoke(result: CaseResult) -> GateResult:
    """Not empty, finite, the declared rate, plausible length, audible, not constant, no clipping.

    Outputs other than sounds are checked for being there and finite.
    """
    for stage in result.stages:
        if not math.prod(stage.shape):
            return _failed(stage.name, "is empty")
        loaded = arrays.load(stage)
        if loaded.integral:
            continue
        values = loaded.numbers
        if not math.isfinite(sum(values)):
            at = next((at for at, value in enumerate(values) if not math.isfinite(value)), None)
            if at is not None:
                return _failed(stage.name, f"holds {values[at]} at index {at}", at)
        if stage.measure == SOUND and (problem := _audio(result, stage.name, values)):
            return problem
    return GateResult("smoke", True, limits=LIMITS)


def _audio(result: CaseResult, name: str, values: Sequence[float]) -> GateResult | None:
    if not result.sample_rate:
        return _failed(name, "has no sample rate")
    seconds = len(values) / result.sample_rate
    if result.expected_s is not None:
        shortest, longest = result.expected_s
        if not shortest <= seconds <= longest:
            limits = f"{shortest:.2f} to {longest:.2f} s"
            return _failed(name, f"lasts {seconds:.2f} s where {limits} are plausible")
    if min(values) == max(values):
        return _failed(name, f"is constant ({values[0]:g})")
    rms = arrays.rms(values)
    if rms < LIMITS["least_rms"]:
        return _failed(name, f"cannot be heard (RMS {rms:.2e})", rms=rms)
    level = LIMITS["clip_level"]
    clipped = sum(abs(value) >= level for value in values) / len(values)
    if clipped > LIMITS["most_clipped"]:
        return _failed(name, f"clips ({clipped:.1%} of its samples)", clipped=clipped)
    return None


def _failed(stage: str, what: str, index: int | None = None, **measured: float) -> GateResult:
    return GateResult(
        "smoke", False, f"{stage} {what}", stage, index, measured=measured, limits=LIMITS
    )


GATE = Gate(
    "smoke",
    order=0,
    summary="one arm alone: is there an output, and is it plausible",
    judge=lambda pair: smoke(pair.patched),
)
