"""The report's nine cases on the package it was written about, `chatterbox-streaming` 0.1.2.

The fork pins other versions than chatterbox-tts, so it needs an interpreter of its own: name one
that has it installed in ``$FORK_PYTHON``.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Patcher, runner

PYTHON = os.environ.get("FORK_PYTHON", "")
pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,
    pytest.mark.registry,
    pytest.mark.skipif(not PYTHON, reason="$FORK_PYTHON names no interpreter with the fork"),
]
PATIENT = ("--inputs", "0", "--timeout", "600", "--json")
FORK = ("--target", "chatterbox-streaming")
INPLACE = "Inplace update to inference tensor outside InferenceMode is not allowed"


@pytest.fixture(scope="module")
def patcher(tmp_path_factory: pytest.TempPathFactory) -> Patcher:
    workspace = tmp_path_factory.mktemp("fork")
    (workspace / "patcher.toml").write_text(f'python = "{Path(PYTHON)}"\n')
    patcher = runner(workspace, limit_s=3600)
    ran = patcher("init", "chatterbox-streaming==0.1.2")
    assert ran.status == 0, ran.stderr
    return patcher


def test_inference_mode_fails_six_of_nine_on_the_fork_too(patcher: Patcher) -> None:
    assert patcher("apply", "inference_mode", *FORK).status == 0
    ran = patcher("verify", *PATIENT)
    assert ran.status == 1, ran.stdout
    assert Counter(case["status"] for case in ran.json["cases"]) == {"fail": 6, "pass": 3}
    failed = [case for case in ran.json["cases"] if case["status"] == "fail"]
    assert all(INPLACE in case["error"] for case in failed)
    assert ran.json["diagnosis"][0]["remedy"] == "embed_ref_lens_clone"


def test_with_its_remedy_nine_of_nine_pass_chunk_by_chunk(patcher: Patcher) -> None:
    assert patcher("apply", "inference_mode", "embed_ref_lens_clone", *FORK).status == 0
    ran = patcher("verify", *PATIENT)
    assert ran.status == 0, ran.stdout
    assert [case["status"] for case in ran.json["cases"]] == ["pass"] * 9
    assert {case["gate"] for case in ran.json["cases"]} == {"bitwise"}
    assert patcher("revert", "--all").status == 0


@pytest.mark.parametrize("series", ["@exact", "@fast-cpu"])
def test_a_set_passes_on_the_stream_the_whole_utterance_and_voice_conversion(
    patcher: Patcher, series: str
) -> None:
    assert patcher("apply", series, *FORK).status == 0
    models = "Base Chatterbox,Whole utterance,Voice conversion"
    ran = patcher("verify", "--models", models, *PATIENT)
    assert ran.status == 0, ran.stdout
    assert [case["status"] for case in ran.json["cases"]] == ["pass"] * 9
    assert patcher("revert", "--all").status == 0
