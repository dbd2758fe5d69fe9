"""Real worker processes on the small target: what goes wrong is told apart, and blamed rightly."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from patcher.errors import PatcherError
from patcher.execution import machine as host
from patcher.execution.results import Arm, Case, Outcome
from patcher.execution.runner import Silent
from patcher.execution.sandbox import Policy, kernel
from patcher.patchfile.model import Equivalence
from patcher.results import as_json
from patcher.results.judged import baseline_outcome, case_outcome, drawn_outcome
from patcher.targets.adapter import Assets, Matrix, Model, Options
from patcher.verify import setup
from patcher.verify.judge import judge
from patcher.verify.judgement import Status, Verdict
from tests.smalltarget.adapter import MODELS, TESTS, HumAdapter, adapter
from tests.verify.judging import QUICK, Watcher, judged, one_case, request, tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.execution.results import CaseResult
    from patcher.verify.judge import Bench
    from patcher.verify.judgement import CaseJudgement, Diagnosis

START = "        rng = random.Random(seed)\n"  # the first line a run executes


def at_start(code: str) -> tuple[str, str]:
    """Put ``code`` before the first line a run executes; ``text`` and ``self`` are at hand."""
    return (START, f"        {code}\n{START}")


HIGH = "self.pitch > 200 and "  # one of the two models


def test_an_untouched_copy_passes_every_gate_to_the_bit(tmp_path: Path) -> None:
    actual = judged(tmp_path)
    assert actual.verdict is Verdict.PASS
    assert actual.reason == "all-pass"
    assert [case.status for case in actual.cases] == [Status.PASS] * 4
    assert [gate.gate for gate in actual.cases[0].gates] == ["smoke", "bitwise"]
    assert actual.reproducible == "bitwise"


def test_a_patch_that_raises_fails_with_its_own_text_while_the_baseline_passes(
    tmp_path: Path,
) -> None:
    actual = judged(tmp_path, at_start("if self.pitch > 200: raise ValueError('too high')"))
    assert actual.verdict is Verdict.FAIL
    assert actual.sentence.endswith("2 of 4 pass (bitwise), 2 fail")
    high = [case for case in actual.cases if case.case.model == "High hum"]
    assert [case.error for case in high] == ["ValueError: too high"] * 2
    assert {baseline_outcome(case).status for case in actual.cases} == {"pass"}
    failure = high[0].patched.failure  # type: ignore[union-attr]
    assert failure is not None
    assert failure.frames[-1].file == "hum/voice.py"
    assert failure.frames[-1].in_target
    assert "raise ValueError" in failure.frames[-1].text


@pytest.mark.parametrize(
    ("code", "outcome", "kind", "says"),
    [
        pytest.param(
            "import os; os.kill(os.getpid(), 11)",
            Outcome.CRASHED,
            "signal",
            "SIGSEGV",
            id="a segmentation fault",
        ),
        pytest.param("import os; os.abort()", Outcome.CRASHED, "signal", "SIGABRT", id="an abort"),
        pytest.param(
            "import os; os.kill(os.getpid(), 9)",
            Outcome.KILLED,
            "signal",
            "SIGKILL",
            id="a signal from outside",
        ),
        pytest.param(
            "import os; print('{\"ok\": true}', flush=True); os._exit(0)",
            Outcome.CRASHED,
            "exit",
            "status 0",
            id="output that looks like an answer, then status 0",
        ),
        pytest.param("import sys; sys.exit(0)", Outcome.CRASHED, "exit", "0", id="a polite exit"),
        pytest.param(
            "raise MemoryError('no more')", Outcome.OOM, "host-oom", "no more", id="MemoryError"
        ),
        pytest.param(
            "raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')",
            Outcome.OOM,
            "device-oom",
            "CUDA out of memory",
            id="device memory",
        ),
        pytest.param(
            "import nosuchmodule", Outcome.EXCEPTION, "import", "nosuchmodule", id="an import"
        ),
    ],
)
def test_a_worker_that_ends_is_classified_and_blamed_on_the_patch(
    tmp_path: Path, code: str, outcome: Outcome, kind: str, says: str
) -> None:
    actual = judged(tmp_path, at_start(code), matrix=one_case())
    (case,) = actual.cases
    assert actual.verdict is Verdict.FAIL
    assert case.patched is not None
    assert case.patched.failure is not None
    assert (case.patched.outcome, case.patched.failure.kind) == (outcome, kind)
    assert says in (case.error or "")
    assert case.baseline is not None
    assert case.baseline.outcome is Outcome.OK


def test_a_patch_that_eats_memory_is_out_of_memory_not_a_crash(tmp_path: Path) -> None:
    eats = at_start("held = [bytearray(1 << 24) for _ in range(1 << 20)]")
    actual = judged(tmp_path, eats, matrix=one_case(), memory_limit_mib=1024)
    (case,) = actual.cases
    assert actual.verdict is Verdict.FAIL
    assert case_outcome(case).outcome == "oom"


def test_a_patch_that_does_not_compile_fails_every_case_at_its_line(tmp_path: Path) -> None:
    actual = judged(tmp_path, ("    def spectrogram(self", "    def spectrogram self"))
    assert actual.verdict is Verdict.FAIL
    kinds = {case.patched.failure.kind for case in actual.cases}  # type: ignore[union-attr]
    assert kinds == {"compile"}
    assert "voice.py" in (actual.cases[0].error or "")


def test_a_hang_costs_one_timeout_a_batch_shows_where_it_hung_and_the_rest_is_judged(
    tmp_path: Path,
) -> None:
    hangs = at_start(
        "import time\n        while self.pitch > 200 and 'cut' not in text: time.sleep(9)"
    )
    watcher = Watcher()
    actual = judge(request(tmp_path, hangs, timeout_s=1.0), watcher)
    assert actual.verdict is Verdict.FAIL
    by_case = {str(case.case): case for case in actual.cases}
    hung = by_case["High hum / Short"]
    assert case_outcome(hung).outcome == "timeout"
    assert hung.patched is not None
    assert hung.patched.failure is not None
    assert 'voice.py", line' in hung.patched.failure.log  # the stack, dumped before the end
    assert [case.status for case in actual.cases].count(Status.PASS) == 3
    runs = watcher.finished_runs(Arm.PATCHED)
    assert [outcome for _, outcome in runs].count("timeout") == 1
    assert runs[-1] == ("High hum / Long", "ok")  # its like came last
    assert watcher.finished_runs(Arm.PATCHED, purpose="retry") == []


def test_a_worker_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    stubborn = at_start("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)")
    actual = judged(tmp_path, stubborn, matrix=one_case(), timeout_s=0.5)
    assert case_outcome(actual.cases[0]).outcome == "timeout"
    assert actual.wall_s < 30


def test_one_failure_in_three_is_called_flaky(tmp_path: Path) -> None:
    marker = tmp_path / "count"
    code = (
        f"import pathlib; p = pathlib.Path({str(marker)!r}); "
        "n = len(p.read_bytes()) if p.exists() else 0; p.write_bytes(bytes(n + 1)); "
        "assert n % 3 != 1, 'one in three'"
    )
    # The count is kept in a file: a worker in the sandbox has nowhere to keep it.
    actual = judged(tmp_path, at_start(code), jobs=1, sandbox=False)
    assert actual.verdict is Verdict.FAIL
    assert actual.reason == "flaky"
    flaky = [case for case in actual.cases if case.flaky]
    assert flaky
    assert all(case.error == "AssertionError: one in three" for case in flaky)


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


def test_an_equal_baseline_is_not_run_twice(tmp_path: Path) -> None:
    first = Watcher()
    judge(request(tmp_path), first)
    assert [outcome for _, outcome in first.finished_runs(Arm.BASELINE)] == ["ok"] * 4
    again = Watcher()
    actual = judge(request(tmp_path, at_start("raise OSError('x')")), again)
    assert [outcome for _, outcome in again.finished_runs(Arm.BASELINE)] == ["reused"] * 4
    assert actual.verdict is Verdict.FAIL
    assert any("4 baseline results come from an earlier run" in each for each in actual.warnings)
    fresh = Watcher()
    judge(request(tmp_path, fresh=True), fresh)
    assert "reused" not in {outcome for _, outcome in fresh.finished_runs()}


def test_a_baseline_is_run_again_when_anything_it_rests_on_changed(tmp_path: Path) -> None:
    judge(request(tmp_path, matrix=one_case()))
    other = Matrix((Model(MODELS[0].name, {"pitch": 111.0}),), TESTS[:1])
    watcher = Watcher()
    judge(request(tmp_path, matrix=other), watcher)
    assert [outcome for _, outcome in watcher.finished_runs(Arm.BASELINE)] == ["ok"]
    watcher = Watcher()
    judge(request(tmp_path, matrix=one_case(), jobs=1), watcher)  # other threads a worker
    threads = {outcome for _, outcome in watcher.finished_runs(Arm.BASELINE)}
    assert threads <= {"ok", "reused"}


class Interrupt(Silent):
    """An observer that interrupts when ``count`` patched cases are done."""

    def __init__(self, count: int) -> None:
        self.count = count

    def finished(self, result: Any, purpose: str) -> None:
        self.count -= result.arm is Arm.PATCHED
        if not self.count:
            raise KeyboardInterrupt


def calls_of(watcher: Watcher, arm: Arm) -> int:
    """How many calls an arm made, further ones included."""
    return sum(event[0] == "finished" and event[1] == arm.value for event in watcher.events)


def test_an_interrupted_verification_resumes_with_the_model_it_was_on(tmp_path: Path) -> None:
    """Its calls are made again, for what they return is read once more after all of them."""
    watcher = Watcher()
    judge(request(tmp_path, jobs=1, seed=3), watcher)
    asked = request(tmp_path, jobs=1, seed=3, run_dir=tmp_path / "interrupted")
    with pytest.raises(KeyboardInterrupt):
        judge(asked, Interrupt(calls_of(watcher, Arm.PATCHED) // 2 + 1))
    watcher = Watcher()
    actual = judge(asked, watcher)
    assert actual.verdict is Verdict.PASS
    outcomes = [outcome for _, outcome in watcher.finished_runs(Arm.PATCHED)]
    assert outcomes == ["reused", "reused", "ok", "ok"]
    repeated = Watcher()
    judge(asked, repeated)  # a finished one is repeated, not resumed
    assert [outcome for _, outcome in repeated.finished_runs(Arm.PATCHED)] == ["ok"] * 4


def test_an_interruption_does_not_hide_results_that_later_calls_change(tmp_path: Path) -> None:
    shared = (
        "return samples if gain == 1.0 else",
        "import sys; kept = vars(sys).setdefault('_kept', []); kept[:] = samples; return kept or",
    )
    options: dict[str, Any] = {"jobs": 1, "seed": 3, "matrix": one_case()}
    watcher = Watcher()
    assert judge(request(tmp_path, shared, **options), watcher).verdict is Verdict.FAIL
    asked = request(tmp_path, shared, run_dir=tmp_path / "interrupted", **options)
    with pytest.raises(KeyboardInterrupt):  # every call is made, none of the results read again
        judge(asked, Interrupt(calls_of(watcher, Arm.PATCHED)))
    actual = judge(asked)
    assert actual.verdict is Verdict.FAIL
    assert "changed by later calls" in str([actual.cases, actual.further])


def test_a_bench_takes_over_what_was_read_once_more(tmp_path: Path) -> None:
    asked = request(tmp_path, jobs=1, seed=3)
    judge(asked)
    judgement = judge(replace(asked, reuse_pass=True))
    assert all(each.patched and each.patched.reused for each in judgement.cases)
    assert all(each.patched and each.patched.later for each in judgement.cases)


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


# a bench after a pass


def runs(folder: Path, *changes: Any, **options: Any) -> tuple[list[str], list[str], Any]:
    """How each run of the patched arm came by its result, the notes, and the judgement."""
    watcher = Watcher()
    made = [*folder.glob("baseline-*")]
    asked = request(folder, *changes, jobs=1, reuse_pass=True, **options)
    assert len(made) < len([*folder.glob("baseline-*")])  # trees of another place, the same bytes
    judgement = judge(asked, watcher)
    outcomes = [outcome for _, outcome in watcher.finished_runs(Arm.PATCHED)]
    return outcomes, list(judgement.warnings), judgement


def test_a_pass_on_record_stands_for_the_runs_of_the_gates(tmp_path: Path) -> None:
    first = judge(request(tmp_path, jobs=1))
    outcomes, notes, actual = runs(tmp_path)
    assert outcomes == ["reused"] * 4
    assert "the gates' runs are on record from a pass of the same trees: none is repeated" in notes
    assert (actual.verdict, actual.seed) == (Verdict.PASS, first.seed)
    assert list(map(case_outcome, actual.cases)) == list(map(case_outcome, first.cases))
    assert list(map(drawn_outcome, actual.further)) == list(map(drawn_outcome, first.further))
    assert actual.exercised == first.exercised
    again, _, _ = runs(tmp_path)  # what was taken over stands for the next one
    assert again == ["reused"] * 4


def test_a_pass_of_more_stands_for_less_and_not_the_other_way_round(tmp_path: Path) -> None:
    assert judge(request(tmp_path, jobs=1, matrix=one_case())).verdict is Verdict.PASS
    outcomes, notes, _ = runs(tmp_path, why_not="of the pass on record, it had other cases")
    assert outcomes == ["ok"] * 4
    assert "the gates run again: of the pass on record, it had other cases" in notes
    whole = adapter.matrix({})
    fewer, _, _ = runs(tmp_path, matrix=Matrix(whole.models[1:], whole.tests))
    assert fewer == ["reused"] * 2


def test_a_pass_without_guards_stands_for_nothing_that_is_guarded(tmp_path: Path) -> None:
    assert judge(request(tmp_path, jobs=1, sandbox=False)).verdict is Verdict.PASS
    assert runs(tmp_path)[0] == ["ok"] * 4


def test_a_pass_whose_stages_are_not_as_they_were_stands_for_nothing(tmp_path: Path) -> None:
    assert judge(request(tmp_path, jobs=1)).verdict is Verdict.PASS
    file = next(path for path in (tmp_path / "runs" / "stages").rglob("*") if path.is_file())
    file.chmod(0o644)
    file.write_bytes(b"other bytes")
    assert "ok" in runs(tmp_path)[0]
