"""The decision tables, row by row: each row is reached, by the evidence it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from patcher.execution.results import Arm, Case, CaseResult, Failure, Outcome
from patcher.gates.result import GateResult
from patcher.verify.decisions import (
    CASE_TABLE,
    VERDICT_TABLE,
    CaseEvidence,
    decide,
    decide_case,
    sentence,
)
from patcher.verify.judgement import CaseJudgement, Status, Verdict

CASE = Case("model", "test")
RAN = CaseResult(CASE, Arm.BASELINE, Outcome.OK)
PATCHED = replace(RAN, arm=Arm.PATCHED)
GOOD = (GateResult("smoke", True), GateResult("bitwise", True))
UNEQUAL = (GateResult("smoke", True), GateResult("bitwise", False, "differs"))
SILENT = (GateResult("smoke", False, "silent"),)


def failed(outcome: Outcome = Outcome.EXCEPTION, kind: str = "exception") -> CaseResult:
    return replace(PATCHED, outcome=outcome, failure=Failure(kind, message="it broke"))


CASES = {
    "no-such-case": CaseEvidence(replace(RAN, not_applicable="no such voice")),
    "baseline-fails": CaseEvidence(failed(), PATCHED),
    "not-run": CaseEvidence(RAN),
    "gates-pass": CaseEvidence(RAN, PATCHED, gates=GOOD),
    "wrong-code": CaseEvidence(RAN, failed(kind="wrong-code"), control_passes=True),
    "control-fails": CaseEvidence(RAN, failed(), control_passes=False, retry_passes=False),
    "not-repeatable": CaseEvidence(
        RAN, PATCHED, gates=UNEQUAL, control_passes=True, repeatable=False, retry_passes=False
    ),
    "flaky": CaseEvidence(RAN, failed(), control_passes=True, retry_passes=True, repeatable=True),
    "gate-fails": CaseEvidence(
        RAN, PATCHED, gates=UNEQUAL, control_passes=True, repeatable=True, retry_passes=False
    ),
    "run-fails": CaseEvidence(RAN, failed(), control_passes=True, retry_passes=False),
}


@pytest.mark.parametrize("reason", [row.reason for row in CASE_TABLE])
def test_every_row_of_the_case_table_is_reached_by_its_evidence(reason: str) -> None:
    row = decide_case(CASES[reason])
    assert row.reason == reason


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        pytest.param(
            CaseEvidence(RAN, PATCHED, baseline_gates=SILENT),
            "baseline-fails",
            id="a silent baseline is a failing one",
        ),
        pytest.param(
            CaseEvidence(RAN, failed(Outcome.TIMEOUT), control_passes=True),
            "run-fails",
            id="a hang is not retried and fails",
        ),
        pytest.param(
            CaseEvidence(RAN, PATCHED, gates=SILENT, control_passes=True, repeatable=False),
            "gate-fails",
            id="a silent output fails though the baseline does not repeat itself",
        ),
        pytest.param(
            CaseEvidence(RAN, PATCHED, gates=()), "run-fails", id="no gate passed means no pass"
        ),
        pytest.param(
            CaseEvidence(RAN, replace(PATCHED, not_applicable="too long"), control_passes=True),
            "run-fails",
            id="a case that the baseline ran does apply",
        ),
        pytest.param(
            CaseEvidence(failed(kind="wrong-code"), PATCHED),
            "baseline-fails",
            id="wrong code on the baseline",
        ),
    ],
)
def test_rows_take_precedence_in_the_order_of_the_table(
    evidence: CaseEvidence, reason: str
) -> None:
    assert decide_case(evidence).reason == reason


def judged(status: Status, reason: str = "", *, flaky: bool = False) -> CaseJudgement:
    return CaseJudgement(CASE, status, reason, RAN, PATCHED, flaky=flaky)


PASS = judged(Status.PASS, "gates-pass")
FAIL = judged(Status.FAIL, "run-fails")
FLAKY = judged(Status.FAIL, "flaky", flaky=True)
BROKEN = judged(Status.NOT_APPLICABLE, "baseline-fails")
APART = judged(Status.NOT_APPLICABLE, "no-such-case")
OPEN = judged(Status.NOT_APPLICABLE, "control-fails")


@pytest.mark.parametrize(
    ("cases", "verdict", "reason"),
    [
        ([PASS, PASS], Verdict.PASS, "all-pass"),
        ([PASS, BROKEN], Verdict.PASS, "rest-passes"),
        ([PASS, APART], Verdict.PASS, "rest-passes"),
        ([PASS, FAIL], Verdict.FAIL, "cases-fail"),
        ([FAIL, FLAKY], Verdict.FAIL, "cases-fail"),
        ([PASS, FLAKY], Verdict.FAIL, "flaky"),
        ([FAIL, OPEN], Verdict.FAIL, "cases-fail"),
        ([PASS, OPEN], Verdict.CANNOT_JUDGE, "left-open"),
        ([BROKEN, BROKEN], Verdict.CANNOT_JUDGE, "baseline-fails"),
        ([BROKEN, APART], Verdict.CANNOT_JUDGE, "baseline-fails"),
        ([APART], Verdict.CANNOT_JUDGE, "no-case"),
        ([], Verdict.CANNOT_JUDGE, "no-case"),
    ],
)
def test_the_verdict_follows_from_the_cases(
    cases: list[CaseJudgement], verdict: Verdict, reason: str
) -> None:
    row = decide(cases)
    assert (row.verdict, row.reason) == (verdict, reason)


def test_every_row_of_the_verdict_table_is_tested_above() -> None:
    text = Path(__file__).read_text()
    assert all(f'"{row.reason}")' in text for row in VERDICT_TABLE)


def test_the_sentence_counts_what_passed_failed_and_was_not_judged() -> None:
    cases = [PASS, FAIL, BROKEN]
    text = sentence(decide(cases), cases, "bitwise")
    assert text.endswith("1 of 3 pass (bitwise), 1 fails, 1 not judged")


def test_the_documentation_shows_both_tables_as_they_are() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "verify.md").read_text()
    cases = [f"| `{row.status.value}` | `{row.reason}` | {row.means} |" for row in CASE_TABLE]
    verdicts = [
        f"| `{row.verdict.value}` | `{row.reason}` | {row.means} |" for row in VERDICT_TABLE
    ]
    assert "\n".join(cases) in page
    assert "\n".join(verdicts) in page
