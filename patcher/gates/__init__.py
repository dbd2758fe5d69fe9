"""Gates: the checks a patched arm must pass, by the equivalence its patches claim.

``smoke`` comes first for every claim, then ``bitwise``, then the claim's own gate where that is
looser: what is equal to the bit needs no looser gate. The looser gates compare replays, in which
every stage is recomputed from the baseline's recording of the stage before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from patcher.gates.result import GateResult
from patcher.patchfile.model import Equivalence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.execution.results import CaseResult


@dataclass(frozen=True)
class Pair:
    """One case's runs on both arms, with what it takes to compare them loosely.

    Attributes:
        baseline_replay, patched_replay: None where the runs are equal to the bit, or the target
            cannot replay.
        exact_replay: the baseline's in double precision; None until `close` has rejected.
        limits: ``[tool.patcher.verify.gates]``: a table of thresholds a gate.
    """

    baseline: CaseResult
    patched: CaseResult
    baseline_replay: CaseResult | None = None
    patched_replay: CaseResult | None = None
    exact_replay: CaseResult | None = None
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def run_gates(pair: Pair, equivalence: Equivalence) -> tuple[GateResult, ...]:
    """The gates of a claim in order; ends with the first that fails."""
    from patcher.gates import returned
    from patcher.gates.bitwise import compare
    from patcher.gates.smoke import smoke
    from patcher.gates.values import CLOSE

    first = smoke(pair.patched)
    if not first.passed:
        return (first,)
    exact = compare(pair.baseline, pair.patched)
    if exact.passed or equivalence is Equivalence.BITWISE or exact.gate == "tests":
        return (first, exact)
    if returned.comparable(pair.baseline):
        wrong = returned.compare(pair.baseline, pair.patched, CLOSE)
        return (first, wrong or GateResult("close", True))
    return (first, _replayed(pair, equivalence))


def _replayed(pair: Pair, equivalence: Equivalence) -> GateResult:
    name = equivalence.value
    for replay in (pair.baseline_replay, pair.patched_replay):
        if replay is None or replay.not_applicable:
            why = replay.not_applicable if replay else "its stages were not replayed"
            return GateResult(name, False, f"not bitwise equal, and cannot be compared: {why}")
        if replay.failure is not None:
            return GateResult(name, False, f"replaying the stages fails: {replay.failure.text}")
    assert pair.baseline_replay is not None
    assert pair.patched_replay is not None
    from patcher.gates import close, perceptual

    arms = pair.baseline_replay.stages, pair.patched_replay.stages
    told = pair.limits.get(name, {})
    if equivalence is Equivalence.PERCEPTUAL:
        return perceptual.judge(*arms, perceptual.Limits.from_config(told))
    exact = pair.exact_replay.stages if pair.exact_replay and pair.exact_replay.ok else ()
    return close.judge(*arms, close.Limits.from_config(told), exact)
