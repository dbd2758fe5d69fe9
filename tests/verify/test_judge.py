"""Real worker processes on the small target: gates, verdicts, and whose fault a failure is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from patcher.errors import PatcherError
from patcher.execution import machine as host
from patcher.execution.results import Arm, Case
from patcher.execution.sandbox import Policy, kernel
from patcher.patchfile.model import Equivalence
from patcher.results import as_json
from patcher.results.judged import baseline_outcome, case_outcome
from patcher.targets.adapter import Assets, Matrix, Options
from patcher.verify import setup
from patcher.verify.judge import judge
from patcher.verify.judgement import Status, Verdict
from tests.smalltarget.adapter import HumAdapter, adapter
from tests.verify.judging import (
    QUICK,
    Watcher,
    at_start,
    judged,
    one_case,
    request,
    tree,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.execution.results import CaseResult
    from patcher.verify.judge import Bench
    from patcher.verify.judgement import CaseJudgement, Diagnosis


def test_an_untouched_copy_passes_every_gate_to_the_bit(tmp_path: Path) -> None:
    actual = judged(tmp_path)
    assert actual.verdict is Verdict.PASS
    assert actual.reason == "all-pass"
    assert [case.status for case in actual.cases] == [Status.PASS] * 4
    assert [gate.gate for gate in actual.cases[0].gates] == ["smoke", "bitwise"]
    assert actual.reproducible == "bitwise"


def test_the_first_difference_is_reported_by_stage_index_and_size(tmp_path: Path) -> None:
    louder = ("level = 0.2 *", "level = (0.3 if frame == 3 else 0.2) *")
    actual = judged(tmp_path, louder, matrix=one_case())
    (case,) = actual.cases
    assert case_outcome(case).gate == "bitwise"
    assert case.reason == "gate-fails"
    difference = case.failed_gate
    assert difference is not None
    assert difference.stage == "waveform"
    assert (difference.index, difference.size) == (3 * 320, 320)


def test_silence_fails_the_smoke_gate_before_anything_is_compared(tmp_path: Path) -> None:
    actual = judged(tmp_path, ("level = 0.2 *", "level = 0 *"), matrix=one_case())
    (case,) = actual.cases
    assert case_outcome(case).gate == "smoke"
    assert "constant" in (case.error or "")


@pytest.mark.parametrize("claim", [Equivalence.CLOSE, Equivalence.PERCEPTUAL])
def test_a_tiny_difference_passes_the_gate_that_was_claimed_and_no_stricter_one(
    tmp_path: Path, claim: Equivalence
) -> None:
    rounded = ("level = 0.2 *", "level = (0.2 + 1e-10) *")
    strict = judged(tmp_path, rounded, matrix=one_case())
    assert strict.verdict is Verdict.FAIL
    loose = judged(tmp_path, rounded, matrix=one_case(), equivalence=claim)
    assert loose.verdict is Verdict.PASS
    assert case_outcome(loose.cases[0]).gate == claim.value
    assert loose.reproducible == "bitwise"  # one baseline case was run again to tell


@pytest.mark.parametrize("claim", [Equivalence.CLOSE, Equivalence.PERCEPTUAL])
def test_a_gain_of_a_tenth_fails_every_gate(tmp_path: Path, claim: Equivalence) -> None:
    louder = ("level = 0.2 *", "level = 0.22 *")
    actual = judged(tmp_path, louder, matrix=one_case(), equivalence=claim)
    assert actual.verdict is Verdict.FAIL
    assert case_outcome(actual.cases[0]).gate == claim.value
    assert "waveform" in (actual.cases[0].error or "")


def test_limits_of_a_gate_come_from_the_settings(tmp_path: Path) -> None:
    louder = ("level = 0.2 *", "level = (0.18 + 0.04 * (frame % 2)) *")
    limits = {"close": {"waveform_snr_db": 10.0}}
    actual = judged(
        tmp_path, louder, matrix=one_case(), equivalence=Equivalence.CLOSE, limits=limits
    )
    assert actual.verdict is Verdict.PASS
    assert actual.cases[0].gates[-1].limits["waveform SNR dB"] == 10.0


def test_speech_that_runs_away_fails_the_perceptual_gate_though_each_stage_is_faithful(
    tmp_path: Path,
) -> None:
    """Half the pace in free running; replays, on the baseline's tokens, cannot see it."""
    drawl = ("for letter in text]", "for letter in text for _ in range(2)]")
    actual = judged(
        tmp_path,
        drawl,
        equivalence=Equivalence.PERCEPTUAL,
        adapter=replace(adapter, serving="tests.execution.worker_side:open_patient_session"),
    )
    assert actual.verdict is Verdict.FAIL
    assert "free running" in (actual.cases[0].error or "")


def test_a_baseline_that_fails_is_not_the_patchs_fault(tmp_path: Path) -> None:
    broken = at_start("assert self.pitch < 200, 'broken upstream'")
    actual = judged(tmp_path, baseline=(broken,))
    assert actual.verdict is Verdict.PASS
    assert actual.reason == "rest-passes"
    high = [case for case in actual.cases if case.case.model == "High hum"]
    assert {case.status for case in high} == {Status.NOT_APPLICABLE}
    assert {case.reason for case in high} == {"baseline-fails"}
    assert baseline_outcome(high[0]).error == "AssertionError: broken upstream"
    assert "the baseline itself fails in 2 of 4 cases" in actual.warnings


def test_a_baseline_that_fails_everywhere_cannot_judge(tmp_path: Path) -> None:
    actual = judged(tmp_path, baseline=(at_start("raise OSError('no voice')"),))
    assert actual.verdict is Verdict.CANNOT_JUDGE
    assert actual.reason == "baseline-fails"


def test_a_control_run_that_fails_too_exonerates_the_patch(tmp_path: Path) -> None:
    marker = tmp_path / "gone"
    breaks = at_start(f"import pathlib; pathlib.Path({str(marker)!r}).touch(); raise OSError('x')")
    both = at_start(f"import pathlib; assert not pathlib.Path({str(marker)!r}).exists(), 'gone'")
    actual = judged(tmp_path, breaks, baseline=(both,), matrix=one_case(), sandbox=False)
    assert actual.verdict is Verdict.CANNOT_JUDGE
    assert actual.cases[0].reason == "control-fails"


def test_a_baseline_that_does_not_repeat_itself_leaves_equality_open(tmp_path: Path) -> None:
    noisy = ("level = 0.2 *", "level = random.SystemRandom().uniform(0.2, 0.3) *")
    actual = judged(tmp_path, baseline=(noisy,), matrix=one_case())
    assert actual.verdict is Verdict.CANNOT_JUDGE
    assert actual.reproducible == "differs"
    assert actual.cases[0].reason == "not-repeatable"


def test_code_that_is_not_the_planned_code_is_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, ("level = 0.2 *", "level = 0.3 *"), matrix=one_case())
    planned = asked.trees[Arm.PATCHED]
    voice = planned.path / "hum" / "voice.py"
    voice.write_text(voice.read_text().replace("level = 0.3 *", "level = 0.2 *"))
    actual = judge(asked)
    assert actual.verdict is Verdict.CANNOT_JUDGE
    assert actual.cases[0].reason == "wrong-code"
    assert "hum/voice.py" in actual.cases[0].patched.failure.message  # type: ignore[union-attr]


def test_code_imported_from_elsewhere_is_refused(tmp_path: Path) -> None:
    """Something imported the package before the tree was in place: nothing of the tree ran."""
    asked = request(tmp_path, matrix=one_case())
    early = tmp_path / "early"
    early.mkdir()
    shutil.copytree(tmp_path / "patched-0" / "hum", early / "hum")
    (early / "sitecustomize.py").write_text("import hum")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(early))
        actual = judge(asked)
    assert actual.verdict is Verdict.CANNOT_JUDGE
    assert "did not come from the tree" in baseline_outcome(actual.cases[0]).error


def test_a_case_that_the_adapter_says_cannot_exist_is_counted_not_judged(tmp_path: Path) -> None:
    low = replace(adapter, serving="tests.execution.worker_side:open_low_session")
    actual = judged(tmp_path, adapter=low)
    assert actual.verdict is Verdict.PASS
    assert actual.count(Status.NOT_APPLICABLE) == 2
    assert [case.error for case in actual.cases[2:]] == ["no high voice"] * 2
    assert "2 of 4 cases do not apply" in actual.warnings


@pytest.mark.parametrize(
    "named",
    [
        pytest.param("from patcher.targets.adapter import NotApplicable", id="the adapter's own"),
        pytest.param("class NotApplicable(Exception): pass", id="one of that name"),
    ],
)
def test_a_target_that_says_a_case_cannot_exist_fails_it(tmp_path: Path, named: str) -> None:
    says = at_start(f"{named}\n        if 'cut' in text: raise NotApplicable('too long')")
    actual = judged(tmp_path, says)
    assert actual.verdict is Verdict.FAIL
    assert [case.status for case in actual.cases] == [Status.PASS, Status.FAIL] * 2


def test_a_model_that_cannot_be_opened_fails_its_own_cases_only(tmp_path: Path) -> None:
    closed = (
        "        self.pitch = pitch\n",
        "        assert pitch < 200\n        self.pitch = pitch\n",
    )
    actual = judged(tmp_path, closed)
    assert actual.verdict is Verdict.FAIL
    assert [case.status for case in actual.cases] == [Status.PASS] * 2 + [Status.FAIL] * 2
    assert actual.cases[2].patched.failure.stage == "open"  # type: ignore[union-attr]


def test_fail_fast_waits_for_the_replays_of_a_looser_claim(tmp_path: Path) -> None:
    rounded = ("level = 0.2 *", "level = (0.2 + 1e-10) *")
    actual = judged(tmp_path, rounded, equivalence=Equivalence.CLOSE, fail_fast=True)
    assert actual.verdict is Verdict.PASS
    assert actual.count(Status.PASS) == 4


def test_fail_fast_ends_with_the_first_failure_and_leaves_the_rest_unjudged(
    tmp_path: Path,
) -> None:
    watcher = Watcher()
    asked = request(tmp_path, at_start("raise OSError('x')"), fail_fast=True, jobs=1)
    actual = judge(asked, watcher)
    assert actual.verdict is Verdict.FAIL
    assert len(watcher.finished_runs(Arm.PATCHED)) == 1
    assert {case.reason for case in actual.cases[1:]} == {"not-run"}


def test_only_failed_cases_are_explained(tmp_path: Path) -> None:
    asked: list[Case] = []

    def explain(failed: Sequence[CaseJudgement], bench: Bench) -> Sequence[Diagnosis]:
        asked.extend(case.case for case in failed)
        return ()

    breaks = at_start("if self.pitch > 200: raise OSError('x')")
    actual = judge(request(tmp_path, breaks), explain=explain)
    assert asked == [case.case for case in actual.cases if case.status is Status.FAIL]
    assert len(asked) == 2
    asked.clear()
    judge(request(tmp_path), explain=explain)
    assert asked == []


def test_a_case_can_be_run_under_a_tracer_that_answers_though_the_case_fails(
    tmp_path: Path,
) -> None:
    answers: list[Any] = []

    def explain(failed: Sequence[CaseJudgement], bench: Bench) -> Sequence[Diagnosis]:
        case = failed[0].case
        tracer = "tests.verify.judging:trace"
        answers.append(bench.trace(Arm.PATCHED, case, tracer, {"word": "seen"}))
        return ()

    judge(request(tmp_path, at_start("raise OSError('x')"), matrix=one_case()), explain=explain)
    assert answers == [{"word": "seen", "raised": "x"}]


def test_both_arms_may_be_the_same_tree(tmp_path: Path) -> None:
    same = tree(tmp_path / "same", QUICK)
    asked = replace(request(tmp_path), trees={Arm.BASELINE: same, Arm.PATCHED: same})
    assert judge(asked).verdict is Verdict.PASS


def test_a_judgement_is_json_with_the_keys_of_the_contract(tmp_path: Path) -> None:
    actual = judged(tmp_path, at_start("raise OSError('x')"), matrix=one_case())
    assert actual.verdict is Verdict.FAIL
    case = as_json(case_outcome(actual.cases[0]))
    assert {"model", "test", "status", "outcome", "gate", "error", "baseline"} <= set(case)
    assert case["baseline"] == {"status": "pass", "outcome": "ok", "error": None}
    assert (case["status"], case["outcome"], case["error"]) == ("fail", "exception", "OSError: x")
    assert adapter.distribution == "hum"


class Unreachable(HumAdapter):
    """Its weights have to be fetched."""

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        return Assets("published weights", ready=False)


def test_weights_that_cannot_be_made_end_it_with_the_way_out(tmp_path: Path) -> None:
    unreachable = Unreachable(making="tests.execution.worker_side:fetch")
    asked = request(tmp_path, adapter=unreachable, options=Options(pretrained=True))
    with pytest.raises(PatcherError) as caught:
        judge(asked)
    assert caught.value.code == "environment"
    assert "no route to the weights" in str(caught.value)
    assert "--checkpoint DIR" in caught.value.help


@pytest.mark.parametrize(
    ("free_mib", "processors", "expected"),
    [
        pytest.param(16_000, 2, (2, 1), id="two fit"),
        pytest.param(16_000, 8, (2, 4), id="two fit, with the threads of all processors"),
        pytest.param(7_000, 2, (1, 2), id="one fits"),
        pytest.param(1_000, 2, (1, 2), id="none fits: one is tried"),
        pytest.param(16_000, 1, (1, 1), id="one processor"),
    ],
)
def test_workers_run_side_by_side_where_processors_and_memory_allow(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free_mib: int,
    processors: int,
    expected: tuple[int, int],
) -> None:
    class Large(HumAdapter):
        def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
            return Assets(memory_mib=5000)

    monkeypatch.setattr(setup, "free_memory_mib", lambda: free_mib)
    monkeypatch.setattr(host, "usable_processors", lambda: processors)
    asked = request(tmp_path, adapter=Large(), jobs=None, options=Options(device="cpu"))
    assert setup.slots_and_threads(asked) == expected


def test_records_that_are_damaged_are_named_and_made_anew(tmp_path: Path) -> None:
    """An emptied stage, one of other bytes, and a database that is none: the verdict stays."""
    assert judged(tmp_path, matrix=one_case(), inputs=0).verdict is Verdict.PASS
    stages = sorted((tmp_path / "runs" / "stages").glob("*/*"))
    stages[0].write_bytes(b"")
    stages[1].write_bytes(bytes(len(stages[1].read_bytes())))
    actual = judged(tmp_path, matrix=one_case(), inputs=0)
    assert actual.verdict is Verdict.PASS
    assert any(str(stages[0]) in warning for warning in actual.warnings)
    assert stages[0].read_bytes()
    (tmp_path / "runs" / "runs.sqlite").write_bytes(b"no database")
    actual = judged(tmp_path, matrix=one_case())
    assert actual.verdict is Verdict.PASS
    assert any("runs.sqlite was damaged" in warning for warning in actual.warnings)


def test_a_stage_emptied_while_it_is_judged_fails_by_name(tmp_path: Path) -> None:
    class Emptying(Watcher):
        def finished(self, result: CaseResult, purpose: str) -> None:
            for stage in result.stages if result.arm is Arm.PATCHED else ():
                Path(stage.path).write_bytes(b"")

    asked = request(tmp_path, ("level = 0.2 *", "level = 0.3 *"), matrix=one_case())
    actual = judge(asked, Emptying())
    assert (actual.verdict, actual.reason) == (Verdict.FAIL, "record-damaged")
    assert "stages" in actual.sentence


def test_a_tree_that_changes_while_it_is_judged_fails_by_name(tmp_path: Path) -> None:
    asked = request(tmp_path, matrix=one_case())
    voice = asked.trees[Arm.BASELINE].path / "hum" / "voice.py"

    class Touching(Watcher):
        def finished(self, result: CaseResult, purpose: str) -> None:
            voice.write_text(voice.read_text() + "# touched\n")

    actual = judge(asked, Touching())
    assert (actual.verdict, actual.reason) == (Verdict.FAIL, "files-changed")
    assert str(voice) in actual.sentence


def test_the_guards_in_force_stand_with_the_verdict_and_so_does_their_absence(
    tmp_path: Path,
) -> None:
    fenced = judged(tmp_path, matrix=one_case())
    free = judged(tmp_path, matrix=one_case(), sandbox=False, fresh=True)
    assert list(fenced.guards) == list(Policy(kernel=kernel()).guards)
    assert list(free.guards) == ["hashes"]
    assert any("--no-sandbox" in warning for warning in free.warnings)
