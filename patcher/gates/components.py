"""The gates on isolated parts: the parts an adapter names, on equal inputs.

The timing processes run every part that the session can run alone, in both arms; its outputs are
held to the claim of the series. A part that differs although whole calls pass says where to
look; it does not fail a verification by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.execution.results import Stage
from patcher.gates.registry import differing_stages, gate_of
from patcher.gates.result import GateResult
from patcher.patchfile.model import Equivalence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Described = Mapping[str, Sequence[Mapping[str, Any]]]


def judge_components(
    runs: Iterable[tuple[Described, Described]],
    equivalence: Equivalence,
    limits: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, GateResult]:
    """Every part that both arms of some pair ran, by ``model / part``.

    Args:
        runs: of each pair of processes, what the baseline's parts gave and what the patched
            arm's did: stages by part, as a worker describes them.
        limits: ``[tool.patcher.verify.gates]``: a table of thresholds a gate.
    """
    results: dict[str, GateResult] = {}
    for baseline, patched in runs:
        for name, stages in baseline.items():
            if name in patched and name not in results:
                arms = stages_of(stages), stages_of(patched[name])
                results[name] = judge_component(*arms, equivalence, limits or {})
    return results


def stages_of(described: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """Stages as a worker describes them."""
    return [Stage(**{**each, "shape": tuple(each["shape"])}) for each in described]


def judge_component(
    baseline: Sequence[Stage],
    patched: Sequence[Stage],
    equivalence: Equivalence,
    limits: Mapping[str, Mapping[str, Any]],
) -> GateResult:
    """One part under a claim."""
    names = differing_stages(baseline, patched)
    if not names and len(baseline) == len(patched):
        return GateResult(Equivalence.BITWISE.value, True)
    gate = gate_of(equivalence)
    if gate.compare is not None:
        return gate.compare(baseline, patched, limits.get(gate.name, {}))
    message = f"{', '.join(names) or 'its outputs'} not equal to the bit"
    return GateResult(gate.name, False, message, names[0] if names else None)
