"""The gates there are. One module of this package defines a gate: its name in it is ``GATE``.

Adding a gate is adding a module. Everything else reads this registry: which gates a claim is held
to and in which order, which thresholds can be set, what the documentation lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patcher.execution.results import CaseResult, Stage
    from patcher.gates.result import GateResult
    from patcher.patchfile.model import Equivalence

Thresholds = Mapping[str, Any]
Compare = Callable[["CaseResult", "CaseResult"], "str | None"]
"""What differs between the baseline's result and the patched arm's; None when they are equal."""


@dataclass(frozen=True)
class Pair:
    """One case's runs on both arms, with what it takes to compare them loosely.

    Attributes:
        baseline_replay, patched_replay: None where the runs are equal to the bit, or the target
            cannot replay.
        exact_replay: the baseline's in double precision; None until a gate has asked for it.
        limits: ``[tool.patcher.verify.gates]``: a table of thresholds a gate.
        compare: the user's own comparison of two results; None where there is none.
    """

    baseline: CaseResult
    patched: CaseResult
    baseline_replay: CaseResult | None = None
    patched_replay: CaseResult | None = None
    exact_replay: CaseResult | None = None
    limits: Mapping[str, Thresholds] = field(default_factory=dict)
    compare: Compare | None = None


@dataclass(frozen=True)
class Gate:
    """One check.

    Attributes:
        order: gates run in this order; the first that fails ends the case.
        summary: what it compares, a row of ``docs/gates.md``.
        judge: the check; None where it has nothing to say of this case.
        claim: it is run for patches that claim this; None for every patch.
        settles: once it passes nothing looser is run, and a claim looser than it may fail it.
        limits: thresholds by name, as they are unless configured.
        compare: the same check on outputs alone (baseline, patched, configured thresholds,
            the baseline in double precision), for isolated parts.
        wants_reference: a rejection is judged once more with the baseline in double precision.
        together: a second half, over all cases of a model (pairs of runs, configured thresholds).
        caveat: what a reader should know when it was run on synthetic weights.
    """

    name: str
    order: int
    summary: str
    judge: Callable[[Pair], GateResult | None]
    claim: Equivalence | None = None
    settles: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    compare: Callable[..., GateResult] | None = None
    wants_reference: bool = False
    together: Callable[[Sequence[tuple[CaseResult, CaseResult]], Thresholds], GateResult] | None = (
        None
    )
    caveat: str = ""

    def holds_for(self, claim: Equivalence) -> bool:
        """Whether patches of this claim are held to the gate."""
        return self.claim in (None, claim) or self.settles


@cache
def gates() -> tuple[Gate, ...]:
    """Every gate, in the order they run."""
    package = import_module("patcher.gates")
    modules = (
        import_module(f"patcher.gates.{each.name}") for each in iter_modules(package.__path__)
    )
    result = [module.GATE for module in modules if hasattr(module, "GATE")]
    return tuple(sorted(result, key=lambda gate: gate.order))


def gate_of(claim: Equivalence) -> Gate:
    """The gate that a claim names."""
    return next(gate for gate in gates() if gate.claim is claim)


def run_gates(pair: Pair, claim: Equivalence) -> tuple[GateResult, ...]:
    """The gates of a claim in order; ends with the first that fails."""
    results: list[GateResult] = []
    for gate in gates():
        if not gate.holds_for(claim):
            continue
        result = gate.judge(pair)
        stricter = gate.settles and gate.claim not in (None, claim)
        if result is None or (stricter and not result.passed and result.gate == gate.name):
            continue
        results.append(result)
        if gate.settles or not result.passed:
            break
    return tuple(results)


def differing_stages(baseline: Sequence[Stage], patched: Sequence[Stage]) -> list[str]:
    """Names of the baseline's stages that are not, to the bit, what they are in ``patched``."""
    others = {stage.name: stage.sha256 for stage in patched}
    return [stage.name for stage in baseline if others.get(stage.name) != stage.sha256]
