"""What is asked of one worker for its cases, and the results that its answers make."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.execution.results import Arm, Case, CaseResult, Measure, Outcome, stage_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from patcher.execution.executor import Report
    from patcher.targets.adapter import Model, Test

LOOKS = ("stages", "state")  # what is asked for after every call


@dataclass(frozen=True)
class Batch:
    """Tests of one model on one arm, for one worker; ``further`` names those beyond the matrix."""

    arm: Arm
    model: Model
    tests: tuple[Test, ...]
    purpose: str = "run"
    further: frozenset[str] = frozenset()

    def purpose_of(self, case: Case) -> str:
        """What the observer is shown of a case."""
        return "further" if self.purpose == "run" and case.test in self.further else self.purpose

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(Case(self.model.name, test.name) for test in self.tests)


@dataclass(frozen=True, eq=False)
class Unit:
    """One test of a batch."""

    batch: Batch
    test: Test

    @property
    def case(self) -> Case:
        return Case(self.batch.model.name, self.test.name)


@dataclass(frozen=True)
class Queue:
    """Units of one arm in the order in which one worker takes them.

    Attributes:
        patient: it begins when the baseline of all of them is known, not of the first alone.
    """

    units: tuple[Unit, ...]
    patient: bool

    @classmethod
    def of(cls, batches: Iterable[Batch], *, patient: bool) -> Queue:
        units = (Unit(batch, test) for batch in batches for test in batch.tests)
        return cls(tuple(units), patient)


@dataclass(frozen=True)
class Ask:
    """What one step of a job is for; ``unit`` is None where it concerns all of the batch."""

    op: str
    batch: Batch
    unit: Unit | None = None


@dataclass
class Flight:
    """What a worker is asked for, and how far it is.

    Attributes:
        ahead: units whose steps have not been submitted.
        left: units that have no result.
        asks: what the steps were for that have been submitted, in order.
    """

    ahead: list[Unit]
    left: list[Unit]
    asks: list[Ask] = field(default_factory=list)
    answered: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)  # the state the present call began in
    result: CaseResult | None = None  # of the present call, its stages and state still to come
    done: dict[Case, CaseResult] = field(default_factory=dict)  # of the present batch
    ran: dict[str, set[int]] = field(default_factory=dict)

    @property
    def now(self) -> Ask | None:
        """What the worker is on; None when it waits for steps."""
        return self.asks[self.answered] if self.answered < len(self.asks) else None

    def read(self, report: Report) -> list[CaseResult]:
        """The results that an answer completes."""
        ask = self.asks[report.step]
        self.answered = report.step + 1
        for file, lines in report.value.get("ran", {}).items():
            self.ran.setdefault(file, set()).update(lines)
        if ask.op == "open":
            self.done = {}
            if report.failure is None and "not_applicable" not in report.value:
                self.facts = {**report.value["facts"], "open_s": report.wall_s}
                return []
            # The model cannot be opened: that is the result of each of its cases.
            mine = [unit for unit in self.left if unit.batch is ask.batch]
            self.left = [unit for unit in self.left if unit.batch is not ask.batch]
            return [case_result(ask.batch.arm, unit.case, report, {}) for unit in mine]
        if ask.unit is None:
            return self._read_again(ask.batch, report)
        return self._advance(ask, ask.unit, report)

    def _advance(self, ask: Ask, unit: Unit, report: Report) -> list[CaseResult]:
        """One more answer about a case; its result when it was the last one."""
        arm, case = ask.batch.arm, unit.case
        if ask.op == "prepare":
            self.result, self.before = None, report.value.get("state", {})
            if report.failure is not None or "not_applicable" in report.value:
                self.result = case_result(arm, case, report, self.facts)
        elif ask.op == "run" and self.result is None:
            facts = {**self.facts, "run_s": report.wall_s}
            self.result = case_result(arm, case, report, facts)
        elif self.result is not None and report.failure is not None:
            self.result = case_result(arm, case, report, self.facts)
        elif self.result is not None and self.result.ok:
            self.result = looked(self.result, report.value, self.before)
        if ask.op != LOOKS[-1] and not report.last:
            return []
        result = self.result or case_result(arm, case, report, self.facts)
        ran = {file: tuple(sorted(lines)) for file, lines in self.ran.items()}
        self.ran.clear()
        self.left.remove(unit)
        self.done[case] = result = replace(result, ran=ran)
        return [result]

    def _read_again(self, batch: Batch, report: Report) -> list[CaseResult]:
        """What earlier calls had returned, as it reads after all later ones.

        A worker holds the last results only: those before them have been looked at as well as can
        be. One that cannot answer leaves all of them unread, and says why.
        """
        unread = {case: result for case, result in self.done.items() if result.unread}
        if report.failure is not None:
            why = report.failure.message or report.outcome.value
            return [replace(result, unreadable=why) for result in unread.values() if result.ok]
        read = {
            Case(batch.model.name, name): report.value.get(f"result {at}", ())
            for at, name in enumerate(report.value.get("tests", ()))
        }
        return [
            replace(result, later=tuple(map(stage_from, read.get(case, ()))), unread=False)
            for case, result in unread.items()
            if result.ok
        ]


def looked(result: CaseResult, value: Mapping[str, Any], before: Mapping[str, str]) -> CaseResult:
    """A result with its stages, or with the state its call left behind."""
    if "state" not in value:
        return replace(result, stages=tuple(stage_from(stage) for stage in value["stages"]))
    state = value["state"]
    changed = {name for name in before if before[name] != state.get(name)} | (
        set(state) - {*before}
    )
    return replace(result, state=state, changed=tuple(sorted(changed)))


def case_result(arm: Arm, case: Case, report: Report, facts: Mapping[str, Any]) -> CaseResult:
    """A worker's answer to ``open`` or ``run`` as the result of a case."""
    if report.failure is not None:
        return CaseResult(case, arm, report.outcome, report.failure, facts=facts)
    value = report.value
    if "not_applicable" in value:
        return CaseResult(
            case, arm, Outcome.OK, not_applicable=value["not_applicable"], facts=facts
        )
    expected = value["expected_s"]
    return CaseResult(
        case,
        arm,
        Outcome.OK,
        stages=tuple(stage_from(stage) for stage in value.get("stages", ())),
        returned=tuple(stage_from(stage) for stage in value.get("returned", ())),
        asked=value.get("asked", {}),
        unread=value.get("unread", False),
        measure=Measure(
            value["wall_s"],
            value["audio_s"],
            value["tokens"],
            value["stage_s"],
            value["memory_mib"],
        ),
        sample_rate=value["sample_rate"],
        expected_s=(expected[0], expected[1]) if expected else None,
        called_with=value.get("called_with", ""),
        facts=facts,
    )
