"""The gates of a verification: both arms' results held against each other, case by case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.execution.results import Arm, Case, CaseResult
from patcher.gates.bitwise import compare
from patcher.gates.left_behind import StateRules, left_behind, other_random_numbers
from patcher.gates.registry import Pair, gate_of, run_gates
from patcher.gates.smoke import smoke
from patcher.patchfile.model import Equivalence
from patcher.verify.plan import CallReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from patcher.gates.registry import Compare
    from patcher.gates.result import GateResult
    from patcher.targets.adapter import Model
    from patcher.verify.plan import CallPlan
    from patcher.verify.setup import Request

    Together = Callable[[Sequence[tuple[CaseResult, CaseResult]], Mapping[str, Any]], GateResult]

RETURNED = "returned"  # a gate of every claim; people are told the claim's own name


@dataclass
class Comparison:
    """Results of both arms and what the gates say of them.

    Attributes:
        own: the user's own comparison of values; None where values have rules by type.
        replays: by case and arm, for claims looser than bitwise; ``exact`` in double precision.
        left: what calls leave behind, by case; filled when all calls have been made.
    """

    request: Request
    plan: CallPlan
    own: Compare | None = None
    baseline: dict[Case, CaseResult] = field(default_factory=dict)
    patched: dict[Case, CaseResult] = field(default_factory=dict)
    replays: dict[Case, dict[Arm, CaseResult]] = field(default_factory=dict)
    exact: dict[Case, CaseResult] = field(default_factory=dict)
    left: dict[Case, GateResult] = field(default_factory=dict)
    together: dict[str, GateResult] = field(default_factory=dict)
    smoke_results: dict[tuple[Any, ...], GateResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gate = gate_of(self.request.equivalence)

    def take(self, results: Iterable[CaseResult]) -> None:
        """Add results of either arm."""
        for result in results:
            (self.baseline if result.arm is Arm.BASELINE else self.patched)[result.case] = result

    def works(self, case: Case) -> bool:
        """The baseline delivered something that can be compared with."""
        result = self.baseline.get(case)
        return result is not None and result.ok and self.smoke(result).passed

    def smoke(self, result: CaseResult) -> GateResult:
        """The smoke gate, once for each output: it reads every element."""
        outputs = (stage.sha256 for stage in (*result.stages, *result.returned))
        key = (result.case, result.sample_rate, *outputs)
        if key not in self.smoke_results:
            self.smoke_results[key] = smoke(result)
        return self.smoke_results[key]

    def promising(self, patched: CaseResult) -> bool:
        """What can be said of a patched run without its replays: it may yet pass."""
        if self.request.equivalence is Equivalence.BITWISE:
            return passed(self.gates(patched.case, patched))
        return patched.ok and self.smoke(patched).passed

    def gates(self, case: Case, patched: CaseResult) -> tuple[GateResult, ...]:
        """The gates of the claim on one patched run; none where there is nothing to compare."""
        if not patched.ok or not self.works(case):
            return ()
        replays = self.replays.get(case, {})
        pair = Pair(
            self.baseline[case],
            patched,
            replays.get(Arm.BASELINE),
            replays.get(Arm.PATCHED),
            self.exact.get(case),
            self.request.limits,
            self.own,
        )
        gates = tuple(map(self._named, run_gates(pair, self.request.equivalence)))
        if self.gate.together is not None and gates[-1].gate == self.gate.name and passed(gates):
            gates = (*gates, self._together(case.model, self.gate.together))
        if passed(gates) and case in self.left:
            gates = (*gates, self.left[case])
        return gates

    def _named(self, result: GateResult) -> GateResult:
        return replace(result, gate=self.gate.name) if result.gate == RETURNED else result

    def _together(self, model: str, judge: Together) -> GateResult:
        """The second half of a claim's gate: all cases of a model at once."""
        if model not in self.together:
            pairs = [
                (self.baseline[case], patched)
                for case, patched in self.patched.items()
                if case.model == model and patched.ok and self.works(case)
            ]
            limits = self.request.limits.get(self.gate.name, {})
            self.together[model] = judge(pairs, limits)
        return self.together[model]

    def differs(self, case: Case) -> bool:
        """The patched run delivered, and it is not the baseline's to the bit."""
        patched = self.patched[case]
        if not patched.ok or not self.works(case) or not self.smoke(patched).passed:
            return False
        return not compare(self.baseline[case], patched).passed

    def look_behind(self) -> None:
        """Judge what calls left behind, model by model, in the order they were made."""
        may_keep = any(each.startswith("cache-") for each in self.request.declares)
        for model in self.plan.matrix.models:
            cases = [Case(model.name, call.test.name) for call in self.plan.of_model(model)]
            self.left |= left_behind(
                self.gate.name,
                [self.baseline[case] for case in cases if case in self.baseline],
                [self.patched[case] for case in cases if case in self.patched],
                StateRules(
                    exact=self.request.equivalence is Equivalence.BITWISE,
                    may_keep=may_keep,
                    unsteady=self._unsteady(),
                    further=self._with_another_past(model),
                ),
            )

    def _with_another_past(self, model: Model) -> frozenset[Case]:
        """Calls beyond the matrix, where the baseline's matrix is on record and was not run now."""
        calls = [
            (Case(model.name, call.test.name), call.kind is CallReason.NAMED)
            for call in self.plan.of_model(model)
        ]
        on_record = any(self.baseline[case].reused for case, _ in calls if case in self.baseline)
        return frozenset(case for case, named in calls if on_record and not named)

    def _unsteady(self) -> frozenset[str]:
        """Generators that the baseline itself leaves elsewhere when it is asked the same again."""
        asked_again = [
            (Case(model.name, call.of), Case(model.name, call.test.name))
            for model, call in self.plan.pairs()
            if call.kind is CallReason.AGAIN
        ]
        pairs = [
            (self.baseline[first], self.baseline[second])
            for first, second in asked_again
            if first in self.baseline and second in self.baseline
        ]
        return frozenset(other_random_numbers(pairs))


def passed(gates: tuple[GateResult, ...]) -> bool:
    """There were gates, and each passed."""
    return bool(gates) and all(gate.passed for gate in gates)
