"""The other entry points of the real Chatterbox, each from its own files through its own loader."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import Patcher, runner

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]
HERE = "Multilingual v2,Turbo,Voice conversion"


@pytest.fixture
def patcher(tmp_path: Path) -> Patcher:
    return runner(tmp_path, limit_s=3600)


def test_the_exact_set_keeps_every_bit_in_every_entry_point_and_those_a_version_lacks_are_named(
    patcher: Patcher,
) -> None:
    patcher("apply", "@exact")
    models = f"Base Chatterbox,{HERE},Nano"  # two of the set's edits serve the base model alone
    ran = patcher("verify", "--inputs", "0", "--models", models, "--json")
    assert ran.status == 0, ran.stdout
    cases = ran.json["cases"]
    assert Counter(case["status"] for case in cases) == {"pass": 12, "not-applicable": 3}
    assert {case["gate"] for case in cases if case["status"] == "pass"} == {"bitwise"}
    assert {case["error"] for case in cases if case["model"] == "Nano"} == {
        "ChatterboxTurboTTS.from_local of this version has no argument nano"
    }


def test_the_report_fails_in_every_entry_point_that_clones_a_voice_and_its_remedy_mends_all(
    patcher: Patcher,
) -> None:
    patcher("apply", "inference_mode")
    ran = patcher("verify", "--inputs", "0", "--models", HERE, "--keep", "--json")
    assert ran.status == 1, ran.stdout
    failed = {(case["model"], case["test"]) for case in ran.json["cases"] if case["error"]}
    cloned = ("Cloned voice A", "Cloned voice B")
    assert failed == {(model, test) for model in HERE.split(",") for test in cloned}
    patcher("apply", "embed_ref_lens_clone")
    ran = patcher("verify", "--inputs", "0", "--models", HERE, "--json")
    assert ran.status == 0, ran.stdout
    assert [case["status"] for case in ran.json["cases"]] == ["pass"] * 9
