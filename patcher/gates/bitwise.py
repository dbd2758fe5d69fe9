"""The bitwise gate: every stage equal, by hash; else the first difference, to the element."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.gates import arrays, close, returned
from patcher.gates.result import GateResult

if TYPE_CHECKING:
    from patcher.execution.results import CaseResult, Stage

BITS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def compare(baseline: CaseResult, patched: CaseResult) -> GateResult:
    """The first stage of ``patched`` that is not, to the bit, what it is in ``baseline``.

    Logits are no output: nobody hears them but through the tokens drawn from them. But where
    weights are synthetic, equal tokens may hide a fault in attention. So logits that were heard on
    both arms must be close, and those that were not are left out.
    """
    if (wrong := returned.compare(baseline, patched)) is not None:
        return wrong
    for stage in baseline.stages:
        other = patched.stage(stage.name)
        if other is not None and other.sha256 == stage.sha256:
            continue
        if stage.name.endswith("logits"):
            if (wrong := _not_close(stage, other)) is not None:
                return wrong
        elif other is None:
            return GateResult("bitwise", False, f"{stage.name} is missing", stage.name)
        else:
            return _difference(stage, other)
    return returned.passed(baseline, patched)


def _not_close(stage: Stage, other: Stage | None) -> GateResult | None:
    if other is None or other.shape != stage.shape:
        return None
    found = close.close_logits(arrays.load(stage), arrays.load(other), close.Limits())
    if found.passed:
        return None
    message = f"the outputs may be equal by luck: {stage.name}, {found.message}"
    figures = close.finite(found.measured)
    return GateResult(
        "bitwise", False, message, stage.name, found.index, measured=figures, limits=found.limits
    )


def _difference(stage: Stage, other: Stage) -> GateResult:
    name = stage.name
    if stage.dtype != other.dtype:
        message = f"{name} is {other.dtype}, on the baseline {stage.dtype}"
        return GateResult("bitwise", False, message, name)
    before, after = (arrays.load(one) for one in (stage, other))
    different = _different(stage, other)
    index = different[0] if different else min(len(before.numbers), len(after.numbers))
    if stage.shape != other.shape:
        message = f"{name} has shape {list(other.shape)}, on the baseline {list(stage.shape)}"
        message += f"; they part at index {index}"
        return GateResult("bitwise", False, message, name, index)
    largest = max(abs(before.numbers[at] - after.numbers[at]) for at in different)
    message = (
        f"{name} differs from index {index} on, in {len(different)} of {len(before.numbers)} "
        f"elements, by up to {largest:.3g}"
    )
    measured = {"largest difference": largest}
    return GateResult("bitwise", False, message, name, index, len(different), measured)


def _different(stage: Stage, other: Stage) -> list[int]:
    """Flat indices where the bits differ, up to the end of the shorter one.

    Bits, not values: two NaN may be equal, and zero has two signs.
    """
    one, two = Path(stage.path).read_bytes(), Path(other.path).read_bytes()
    count = 1
    for length in stage.shape:
        count *= length
    code = BITS[len(one) // count if count else 1]
    common = min(len(one), len(two))
    before, after = array(code, one[:common]), array(code, two[:common])
    return [at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
