"""Failed cases once more: on the baseline (whose fault?) and on the patched arm (always?)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patcher.execution.results import Arm, Case, CaseResult, Outcome
from patcher.gates.bitwise import compare
from patcher.verify.compare import Comparison, passed
from patcher.verify.plan import CallReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from patcher.execution.runner import Batch, Runner
    from patcher.gates.result import GateResult
    from patcher.verify.setup import Setup

RETRIES = 3  # in one process; a failure of one run in three escapes 1 time in 27


@dataclass
class Again:
    """What running a failed case again showed; shared by cases that failed alike."""

    control: CaseResult | None = None
    control_passes: bool | None = None
    repeatable: bool | None = None
    retry_passes: bool | None = None


def repeat(
    setup: Setup,
    runner: Runner,
    comparison: Comparison,
    gates: Mapping[Case, tuple[GateResult, ...]],
) -> dict[Case, Again]:
    """Run one of each kind of failure again; what that showed, by case."""
    groups: dict[tuple[str, ...], list[Case]] = {}
    for case in _failed(comparison, gates):
        groups.setdefault(_signature(comparison, gates, case), []).append(case)
    heads = {cases[0] for cases in groups.values()}
    retries: dict[Case, list[CaseResult]] = {}

    def collect(result: CaseResult) -> bool:
        if result.arm is Arm.PATCHED:
            retries.setdefault(result.case, []).append(result)
        return False

    unrepeated = _unrepeated(comparison, heads)
    batches = setup.batches(Arm.BASELINE, heads | unrepeated, "control")
    for case in sorted(heads):
        batches += _retry(setup, comparison, case)
    results = runner.run(batches, on_result=collect)
    collected: dict[Case, Again] = {}
    for cases in [*groups.values(), *([case] for case in unrepeated)]:
        head = cases[0]
        shown = _shown(comparison, head, results.get((Arm.BASELINE, head)))
        if head in heads and head in retries:
            shown.retry_passes = any(_passes(comparison, each) for each in retries[head])
        collected.update(dict.fromkeys(cases, shown))
    return collected


def _failed(comparison: Comparison, gates: Mapping[Case, tuple[GateResult, ...]]) -> Iterator[Case]:
    return (
        case for case in comparison.patched if comparison.works(case) and not passed(gates[case])
    )


def _retry(setup: Setup, comparison: Comparison, case: Case) -> list[Batch]:
    """A failed case in a fresh worker; one that comes later in the plan, after the same calls."""
    call = comparison.plan.call(case)
    count = _retries(comparison, case)
    if not count:
        return []
    (batch,) = setup.batches(Arm.PATCHED, {case}, "retry")
    if call.kind is CallReason.NAMED:
        return [replace(batch, tests=batch.tests * count)]
    before = tuple(each.test for each in comparison.plan.before(case))
    return [replace(batch, tests=(*before, call.test))]


def _retries(comparison: Comparison, case: Case) -> int:
    """How often a failed case is tried again: a process is dear, a hang costs its time once."""
    outcome = comparison.patched[case].outcome
    if outcome is Outcome.TIMEOUT:
        return 0
    return RETRIES if outcome in (Outcome.OK, Outcome.EXCEPTION) else 1


def _passes(comparison: Comparison, retry: CaseResult) -> bool:
    if comparison.patched[retry.case].ok:
        return passed(comparison.gates(retry.case, retry))
    return comparison.promising(retry)


def _unrepeated(comparison: Comparison, heads: set[Case]) -> set[Case]:
    """Where looser gates passed what differs: one case that tells whether baselines repeat."""
    if heads or not comparison.replays:
        return set()
    return {min(comparison.replays)}


def _shown(comparison: Comparison, case: Case, control: CaseResult | None) -> Again:
    if control is None:
        return Again()
    works = control.ok and comparison.smoke(control).passed
    repeats = compare(comparison.baseline[case], control).passed if works else None
    return Again(control, works, repeats)


def _signature(
    comparison: Comparison, gates: Mapping[Case, tuple[GateResult, ...]], case: Case
) -> tuple[str, ...]:
    result = comparison.patched[case]
    if result.failure is not None:
        return (result.outcome.value, *result.failure.signature)
    failed = next((gate for gate in gates[case] if not gate.passed), None)
    return (failed.gate, failed.stage or "") if failed else ("not-applicable",)
