"""The bitwise gate: what is returned equal to the byte; else where it first differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.gates import arrays, close, returned, structured
from patcher.gates.registry import Gate
from patcher.gates.result import GateResult
from patcher.patchfile.model import Equivalence
from patcher.targets.adapter import LOGITS

if TYPE_CHECKING:
    from patcher.execution.results import CaseResult, Stage

NAME = "bitwise"


def compare(baseline: CaseResult, patched: CaseResult) -> GateResult:
    """Whether ``patched`` returns, to the bit, what ``baseline`` returns.

    Where an adapter hands back no returned value, its stages take the place of one. Logits are no
    output: nobody hears them but through the tokens drawn from them. But where weights are
    synthetic, equal tokens may hide a fault in attention. So logits that were recorded on both arms
    must be close, and those that were not are left out.
    """
    wrong = structured.compare(baseline, patched) or returned.compare(NAME, baseline, patched)
    if wrong is not None:
        return wrong
    for stage in baseline.stages:
        other = patched.stage(stage.name)
        if other is not None and other.sha256 == stage.sha256:
            continue
        if stage.measure == LOGITS:
            if (wrong := _not_close(stage, other)) is not None:
                return wrong
        elif baseline.returned:
            continue  # what a user gets is equal
        elif other is None:
            return GateResult(NAME, False, f"{stage.name} is missing", stage.name)
        else:
            return returned.difference(NAME, stage, other)
    return structured.passed(baseline, patched)


def _not_close(stage: Stage, other: Stage | None) -> GateResult | None:
    if other is None or other.shape != stage.shape:
        return None
    result = close.close_logits(arrays.load(stage), arrays.load(other), close.CloseLimits())
    if result.passed:
        return None
    message = f"the outputs may be equal by luck: {stage.name}, {result.message}"
    figures = close.finite(result.measured)
    return GateResult(
        NAME, False, message, stage.name, result.index, measured=figures, limits=result.limits
    )


GATE = Gate(
    NAME,
    order=10,
    summary="what the call returned: equal hashes",
    judge=lambda pair: compare(pair.baseline, pair.patched),
    claim=Equivalence.BITWISE,
    settles=True,
)
