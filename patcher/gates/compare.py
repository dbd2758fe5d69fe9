"""The user's own comparison of returned values: ``compare`` of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.gates.registry import Gate
from patcher.gates.result import GateResult
from patcher.gates.values import SKELETON

if TYPE_CHECKING:
    from patcher.gates.registry import Pair

VERDICT = "close"
"""The word for it in a verdict: equal by a rule, not to the bit."""


def judge_pair(pair: Pair) -> GateResult | None:
    """What the user's function says of two values; None where there is no function or no value."""
    values = [each for each in pair.baseline.returned if each.dtype == SKELETON]
    if pair.compare is None or not values:
        return None
    result = pair.compare(pair.baseline, pair.patched)
    if result is None:
        return GateResult(VERDICT, True, "as `compare` of the settings counts")
    return GateResult(VERDICT, False, result, values[0].name)


GATE = Gate(
    "compare",
    order=11,
    summary="returned values by `compare` of the settings, where it is set",
    judge=judge_pair,
    settles=True,
)
