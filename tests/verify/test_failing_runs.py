"""A run that raises, dies, hangs or eats memory: told apart, and blamed on whose fault it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from patcher.execution import process
from patcher.execution.results import Arm, Outcome
from patcher.results.judged import baseline_outcome, case_outcome
from patcher.verify.judge import judge
from patcher.verify.judgement import Status, Verdict
from tests.verify.judging import (
    Watcher,
    at_start,
    judged,
    one_case,
    request,
)

if TYPE_CHECKING:
    pass


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
    actual = judged(tmp_path, eats, matrix=one_case(), memory_limit_mib=1024, inputs=0)
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


def test_a_worker_that_ignores_the_polite_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.3)
    stubborn = at_start(
        "import signal, time; signal.signal(15, signal.SIG_IGN); "
        "time.sleep(60 if text == 'measure twice' else 0)"
    )
    actual = judged(tmp_path, stubborn, matrix=one_case(), timeout_s=0.5, inputs=0)
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
