"""Every model of every arm has a process of its own: no other model helps it, or spoils it."""

from __future__ import annotations

from pathlib import Path

from patcher.patchfile.model import Declaration
from patcher.verify.judgement import Verdict
from tests.verify.judging import judged

LOADED = "        self.pitch = pitch\n"
IMPORTS = "import random\n"
SINE = "[math.sin(2 * math.pi * at / SAMPLES) for at in range(SAMPLES)]"
TABLE = f"        table = self.polish({SINE})\n"
RANDOM = "        rng = random.Random(seed)\n"


def test_a_patch_that_works_after_another_model_alone_fails(tmp_path: Path) -> None:
    primed = (
        (IMPORTS, f"{IMPORTS}_TABLE = None\n"),
        (
            LOADED,
            f"        global _TABLE\n{LOADED}"
            f"        if pitch < 200:\n            _TABLE = {SINE}\n",
        ),
        (TABLE, "        table = self.polish(_TABLE)\n"),
    )
    actual = judged(tmp_path, *primed, inputs=0, declares=frozenset({Declaration.CACHE_WEIGHTS}))
    assert actual.verdict is Verdict.FAIL
    assert {case.case.model for case in actual.cases if case.status.value == "fail"} == {"High hum"}


def test_answers_mixed_up_between_two_models_fail_the_full_plan_that_loads_both(
    tmp_path: Path,
) -> None:
    said = "self.waveform(self.spectrogram(tokens))"
    mixed = (
        (IMPORTS, f"{IMPORTS}_KEPT = {{}}\n"),
        (
            f"        samples = {said}\n",
            "        if (text, seed, spread) not in _KEPT:\n"
            f"            _KEPT[text, seed, spread] = {said}\n"
            "        samples = list(_KEPT[text, seed, spread])\n",
        ),
    )
    actual = judged(tmp_path, *mixed, full=True, declares=frozenset({Declaration.CACHE_ANSWERS}))
    assert actual.verdict is Verdict.FAIL
    assert [row.probe for row in actual.survived if row.lost] == ["two models"]


def test_a_package_that_can_be_loaded_once_a_process_is_judged_on_all_models(
    tmp_path: Path,
) -> None:
    once = (
        (IMPORTS, f"{IMPORTS}_READY = []\n"),
        (
            LOADED,
            f"{LOADED}        if _READY:\n            raise RuntimeError('loaded twice')\n"
            "        _READY.append(1)\n",
        ),
    )
    wrong = (RANDOM, RANDOM.replace("seed)", "seed + (self.pitch > 200))"))
    actual = judged(tmp_path, wrong, baseline=once, inputs=0)
    assert actual.verdict is Verdict.FAIL
    assert {case.status.value for case in actual.cases} == {"pass", "fail"}
