"""Known-bad changes of a target's source are rejected by every gate, acceptable ones are not.

On the small target in every run; on the real Chatterbox with ``-m "chatterbox and slow"``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from patcher.commands.shared.verify_request import cache_folder
from patcher.patchfile.model import Equivalence
from patcher.targets.chatterbox import TESTS
from patcher.verify.judgement import Judgement, Verdict
from tests.mutations import table as gates
from tests.mutations.changes import SMALL_ACCEPTED, SMALL_REJECTED, SUNG, Changes
from tests.verify.judging import judged, one_case

CLAIMS = ["bitwise", "close", "perceptual"]


def judge_small(folder: Path, changes: Changes, claim: str) -> Judgement:
    replacements = [(change.before, change.after) for change in changes]
    equivalence = Equivalence(claim)
    return judged(folder, *replacements, equivalence=equivalence, matrix=one_case())


@pytest.mark.parametrize("name", SMALL_REJECTED)
def test_the_loosest_gate_still_rejects(name: str, tmp_path: Path) -> None:
    actual = judge_small(tmp_path, SMALL_REJECTED[name], "perceptual")
    assert actual.verdict is Verdict.FAIL
    (case,) = actual.cases
    assert case.failed_gate is not None
    assert case.failed_gate.message


@pytest.mark.parametrize("name", SMALL_ACCEPTED)
def test_an_acceptable_change_passes_under_its_claim_and_under_no_stricter_one(
    name: str, tmp_path: Path
) -> None:
    claim, changes = SMALL_ACCEPTED[name]
    for stricter in CLAIMS[: CLAIMS.index(claim)]:
        assert judge_small(tmp_path, changes, stricter).verdict is Verdict.FAIL, stricter
    assert judge_small(tmp_path, changes, claim).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("bias", "verdict"), [(0.0004, Verdict.PASS), (0.004, Verdict.FAIL)], ids=["hardly", "much"]
)
def test_close_excuses_what_is_hardly_more_wrong_than_the_baseline(
    bias: float, verdict: Verdict, tmp_path: Path
) -> None:
    rounded = (SUNG, SUNG.replace("samples", "[round(v, 3) for v in samples]"))
    biased = ("round(v, 3)", f"round(v + {bias}, 3)")
    claim = Equivalence.CLOSE
    actual = judged(tmp_path, biased, baseline=(rounded,), equivalence=claim, matrix=one_case())
    assert actual.verdict is verdict
    (case,) = actual.cases
    figures = case.gates[-1].measured
    assert figures["waveform SNR dB"] < 60
    assert "waveform RMSE to double precision" in figures


@pytest.mark.chatterbox
@pytest.mark.slow
@pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed")
def test_on_the_real_package_every_fault_is_rejected_and_every_claim_holds(tmp_path: Path) -> None:
    gates.run(tmp_path, list(gates.changes()), TESTS[:2], cache_folder())
    table, right = gates.table(tmp_path)
    assert right, table
