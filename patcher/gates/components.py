"""The gates on isolated parts: vocoder, decoder, tokenizer, a few T3 steps, on equal inputs.

The timing processes run every part that the session can run alone, in both arms; its outputs are
held to the claim of the series. A part that differs although whole generations pass says where to
look; it does not fail a verification by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.execution.results import Stage
from patcher.gates import close, perceptual
from patcher.gates.result import GateResult
from patcher.patchfile.model import Equivalence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.bench.records import Pair


def judge_components(
    pairs: Sequence[Pair],
    equivalence: Equivalence,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, GateResult]:
    """Every part that both arms of some pair ran, by ``model / part``.

    Args:
        limits: ``[tool.patcher.verify.gates]``: a table of thresholds a gate.
    """
    found: dict[str, GateResult] = {}
    for pair in pairs:
        theirs = pair.patched.component_stages
        for name, stages in pair.baseline.component_stages.items():
            if name in theirs and name not in found:
                baseline, patched = stages_of(stages), stages_of(theirs[name])
                found[name] = judge_component(baseline, patched, equivalence, limits or {})
    return found


def stages_of(described: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """Stages as a worker describes them."""
    return [Stage(**{**one, "shape": tuple(one["shape"])}) for one in described]


def judge_component(
    baseline: Sequence[Stage],
    patched: Sequence[Stage],
    equivalence: Equivalence,
    limits: Mapping[str, Mapping[str, Any]],
) -> GateResult:
    """One part under a claim."""
    ours, theirs = ({one.name: one.sha256 for one in stages} for stages in (baseline, patched))
    if ours == theirs:
        return GateResult(Equivalence.BITWISE.value, True)
    if equivalence is Equivalence.BITWISE:
        names = [name for name, digest in ours.items() if theirs.get(name) != digest]
        message = f"{', '.join(names) or 'its outputs'} not equal to the bit"
        return GateResult(equivalence.value, False, message, names[0] if names else None)
    told = limits.get(equivalence.value, {})
    if equivalence is Equivalence.CLOSE:
        return close.judge(baseline, patched, close.Limits.from_config(told))
    return perceptual.judge(baseline, patched, perceptual.Limits.from_config(told))
