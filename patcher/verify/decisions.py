"""The decision tables: from what happened to a case to its status, from cases to the verdict. Pure.

Each table is walked from the top; the first row that holds decides, and its reason is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.execution.results import CaseResult, Outcome
from patcher.verify.judgement import CaseJudgement, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.gates.result import GateResult


@dataclass(frozen=True)
class CaseEvidence:
    """What is known of one case.

    Attributes:
        baseline, patched: the runs; ``patched`` None when it was not run.
        baseline_gates: smoke on the baseline.
        gates: the gates on the patched run; empty when it delivered nothing.
        control_passes: the baseline, run once more after the patched arm failed; None when the
            case did not fail.
        retry_passes: the patched run, repeated after it failed; None when it was not.
        repeatable: the control run equals the baseline to the bit; None when there was none.
    """

    baseline: CaseResult
    patched: CaseResult | None = None
    baseline_gates: tuple[GateResult, ...] = ()
    gates: tuple[GateResult, ...] = ()
    control_passes: bool | None = None
    retry_passes: bool | None = None
    repeatable: bool | None = None

    @property
    def baseline_works(self) -> bool:
        return self.baseline.outcome is Outcome.OK and all(
            each.passed for each in self.baseline_gates
        )

    @property
    def patched_works(self) -> bool:
        """The patched run delivered, and every gate passed."""
        ran = self.patched is not None and self.patched.ok
        return ran and bool(self.gates) and all(each.passed for each in self.gates)

    @property
    def failed_gate(self) -> str:
        return next((each.gate for each in self.gates if not each.passed), "")

    @property
    def failure_kind(self) -> str:
        failure = self.patched.failure if self.patched else None
        return failure.kind if failure else ""


@dataclass(frozen=True)
class CaseRow:
    """One row of the table of cases. ``open``: the case leaves the verdict open."""

    status: Status
    reason: str
    means: str
    holds: Callable[[CaseEvidence], bool]
    open: bool = False


CASE_TABLE: tuple[CaseRow, ...] = (
    CaseRow(
        Status.NOT_APPLICABLE,
        "no-such-case",
        "the case cannot exist here",
        lambda e: bool(e.baseline.not_applicable),
    ),
    CaseRow(
        Status.NOT_APPLICABLE,
        "baseline-fails",
        "the baseline itself fails, so the patch cannot be judged by it",
        lambda e: not e.baseline_works,
    ),
    CaseRow(
        Status.NOT_APPLICABLE,
        "not-run",
        "the run ended before this case",
        lambda e: e.patched is None,
    ),
    CaseRow(Status.PASS, "gates-pass", "every gate passed", lambda e: e.patched_works),
    CaseRow(
        Status.NOT_APPLICABLE,
        "wrong-code",
        "the code that ran was not the patched code",
        lambda e: e.failure_kind == "wrong-code",
        open=True,
    ),
    CaseRow(
        Status.NOT_APPLICABLE,
        "control-fails",
        "the baseline, run once more, fails too: the patch is not at fault",
        lambda e: e.control_passes is False,
        open=True,
    ),
    CaseRow(
        Status.NOT_APPLICABLE,
        "not-repeatable",
        "the baseline does not repeat itself to the bit, so that equality proves nothing",
        lambda e: e.failed_gate == "bitwise" and e.repeatable is False,
        open=True,
    ),
    CaseRow(
        Status.FAIL,
        "flaky",
        "it failed, and passed when it was repeated",
        lambda e: e.retry_passes is True,
    ),
    CaseRow(
        Status.FAIL,
        "gate-fails",
        "the patched arm's output fails a gate",
        lambda e: bool(e.failed_gate),
    ),
    CaseRow(Status.FAIL, "run-fails", "the patched arm fails to run", lambda e: True),
)


def decide_case(evidence: CaseEvidence) -> CaseRow:
    """The row that decides a case."""
    return next(row for row in CASE_TABLE if row.holds(evidence))


OPEN_REASONS = frozenset(row.reason for row in CASE_TABLE if row.open)


@dataclass(frozen=True)
class VerdictRow:
    """One row of the table of verdicts."""

    verdict: Verdict
    reason: str
    means: str
    holds: Callable[[Sequence[CaseJudgement]], bool]


def _having(cases: Sequence[CaseJudgement], status: Status) -> list[CaseJudgement]:
    return [case for case in cases if case.status is status]


VERDICT_TABLE: tuple[VerdictRow, ...] = (
    VerdictRow(
        Verdict.FAIL,
        "flaky",
        "every failed case passed when it was repeated: the patch makes the target unreliable",
        lambda cases: (
            bool(failed := _having(cases, Status.FAIL)) and all(case.flaky for case in failed)
        ),
    ),
    VerdictRow(
        Verdict.FAIL,
        "cases-fail",
        "cases fail under the patch and pass without it",
        lambda cases: bool(_having(cases, Status.FAIL)),
    ),
    VerdictRow(
        Verdict.CANNOT_JUDGE,
        "left-open",
        "cases could not be judged, and none failed through the patch",
        lambda cases: any(case.reason in OPEN_REASONS for case in cases),
    ),
    VerdictRow(
        Verdict.PASS,
        "all-pass",
        "every case passed its gates",
        lambda cases: bool(cases) and len(_having(cases, Status.PASS)) == len(cases),
    ),
    VerdictRow(
        Verdict.PASS,
        "rest-passes",
        "every case that can be judged passed its gates",
        lambda cases: bool(_having(cases, Status.PASS)),
    ),
    VerdictRow(
        Verdict.CANNOT_JUDGE,
        "baseline-fails",
        "the baseline fails in every case",
        lambda cases: bool(cases) and any(case.reason == "baseline-fails" for case in cases),
    ),
    VerdictRow(
        Verdict.CANNOT_JUDGE,
        "no-case",
        "there was no case to judge",
        lambda cases: True,
    ),
)


def decide(cases: Sequence[CaseJudgement]) -> VerdictRow:
    """The row that decides a verification."""
    return next(row for row in VERDICT_TABLE if row.holds(cases))


def counted(
    cases: Sequence[CaseJudgement], further: Sequence[CaseJudgement]
) -> list[CaseJudgement]:
    """What a verdict rests on: the cases, and the further calls that failed or are open.

    A further call that could not be judged because the baseline fails there takes nothing away,
    and where cases fail, further calls have nothing to add.
    """
    if _having(cases, Status.FAIL):
        return list(cases)
    troubled = [
        each for each in further if each.status is Status.FAIL or each.reason in OPEN_REASONS
    ]
    return [*cases, *troubled]


def _fail(number: int) -> str:
    return f"{number} {'fails' if number == 1 else 'fail'}"


def sentence(
    row: VerdictRow,
    cases: Sequence[CaseJudgement],
    gate: str,
    further: Sequence[CaseJudgement] = (),
) -> str:
    """The verdict in one sentence with its counts."""
    count = {status: len(_having(cases, status)) for status in Status}
    text = f"{row.means}: {count[Status.PASS]} of {len(cases)} pass ({gate})"
    if count[Status.FAIL]:
        text += f", {_fail(count[Status.FAIL])}"
    if count[Status.NOT_APPLICABLE]:
        text += f", {count[Status.NOT_APPLICABLE]} not judged"
    failed = _having(further, Status.FAIL)
    if failed and not count[Status.FAIL]:
        text += f"; of {len(further)} further calls {_fail(len(failed))}"
    return text[0].upper() + text[1:]
