"""The report's afternoon on the real Chatterbox: three commands, explained to the line.

One workspace lives through the whole story, as a user's would; each test leaves it pristine.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from patcher.patchfile.catalogue import shipped
from tests.conftest import Patcher, runner

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]

INPLACE = "Inplace update to inference tensor outside InferenceMode is not allowed"
RANK = "required rank 4 tensor to use channels_last format"
MODELS = {"Base Chatterbox", "GRPO Fine-tuned", "Mixed Precision Quantized"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("afternoon")


@pytest.fixture(scope="module")
def patcher(workspace: Path) -> Patcher:
    return runner(workspace)


def installed() -> dict[str, str]:
    """sha256 of every file of the installed package."""
    files = distribution("chatterbox-tts").files or []
    actual = {}
    for file in files:
        path = Path(str(file.locate()))
        if file.parts[0] == "chatterbox" and path.suffix == ".py" and path.is_file():
            actual[str(file)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return actual


def assert_pristine(patcher: Patcher) -> None:
    status = patcher("status", "--json").json
    assert status["series"] == []
    assert status["drift"] == []
    assert status["journal"] is None
    root = Path(status["root"])
    pristine = installed()
    assert pristine
    now = {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in pristine}
    assert now == pristine
    git = subprocess.run(
        ["git", "-C", str(root), "status", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert git.stdout == ""


def by_status(result: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    actual: dict[str, list[tuple[str, str]]] = {}
    for case in result["cases"]:
        actual.setdefault(case["status"], []).append((case["model"], case["test"]))
    return actual


def test_inference_mode_fails_as_the_report_says_and_is_explained_to_the_line(
    patcher: Patcher,
) -> None:
    applied = patcher("apply", "inference_mode", "--json")
    assert applied.status == 0, applied.stderr
    assert applied.json["applied"] == ["inference_mode"]
    assert sorted(Path(file["path"]).name for file in applied.json["files"]) == [
        "hifigan.py",
        "s3tokenizer.py",
    ]

    ran = patcher("verify", "--bench", "--json")
    assert ran.status == 1, ran.stderr
    result = ran.json
    assert result["ok"] is False
    assert result["verdict"] == "fail"

    cases = by_status(result)
    assert {model for model, _ in cases["fail"]} == MODELS
    assert len(cases["fail"]) == 6
    assert len(cases["pass"]) == 3
    assert {test for _, test in cases["pass"]}.isdisjoint({test for _, test in cases["fail"]})
    assert {case["baseline"]["status"] for case in result["cases"]} == {"pass"}
    failed = [case for case in result["cases"] if case["status"] == "fail"]
    assert all(case["outcome"] == "exception" and INPLACE in case["error"] for case in failed)
    assert {case["gate"] for case in result["cases"] if case["status"] == "pass"} == {"bitwise"}

    assert result["speed"]["verdict"] == "not-measured"
    assert {row["model"] for row in result["table"]["baseline"]} == MODELS

    (diagnosis,) = result["diagnosis"]
    source = (Path(patcher("status", "--json").json["root"]) / diagnosis["where"]).read_text()
    assert diagnosis["where"] == "chatterbox/models/s3gen/s3gen.py"
    assert "ref_speech_token_lens[0] =" in source.splitlines()[diagnosis["line"] - 1]
    assert INPLACE in diagnosis["error"]
    assert "chatterbox/models/s3tokenizer/s3tokenizer.py" in diagnosis["created_at"]
    assert "S3Tokenizer.forward" in diagnosis["created_at"]
    assert "ref_mels_24.shape[1] != 2 * ref_speech_tokens.shape[1]" in diagnosis["fires_when"]
    assert diagnosis["patch"] == "inference_mode"
    assert diagnosis["remedy"] == "embed_ref_lens_clone"

    assert result["restored"] is True
    assert result["series"] == ["inference_mode"]
    assert result["series_now"] == []
    assert_pristine(patcher)


@pytest.mark.parametrize(
    ("models", "cases"),
    [
        pytest.param(["--models", "Base Chatterbox"], 3, id="one model"),
        pytest.param([], 9, id="three models", marks=pytest.mark.slow),  # `make demo`, too
    ],
)
def test_with_its_remedy_inference_mode_passes_all_cases_bitwise(
    patcher: Patcher, models: list[str], cases: int
) -> None:
    assert patcher("apply", "inference_mode", "embed_ref_lens_clone").status == 0
    ran = patcher("verify", *models, "--inputs", "0", "--json")
    assert ran.status == 0, ran.stdout
    assert ran.json["verdict"] == "pass"
    assert ran.json["restored"] is False
    assert ran.json["series"] == ["inference_mode", "embed_ref_lens_clone"]
    assert [case["status"] for case in ran.json["cases"]] == ["pass"] * cases
    assert {case["gate"] for case in ran.json["cases"]} == {"bitwise"}
    assert patcher("revert", "--all").status == 0
    assert_pristine(patcher)


@pytest.mark.slow  # `make demo`, too; tests/hazards/test_diagnosis.py has it on a small module
def test_channels_last_asks_for_a_rank_these_tensors_do_not_have(patcher: Patcher) -> None:
    assert patcher("apply", "channels_last").status == 0
    ran = patcher("verify", "--models", "Base Chatterbox", "--inputs", "0", "--json")
    assert ran.status == 1, ran.stdout
    failed = [case for case in ran.json["cases"] if case["status"] == "fail"]
    assert failed
    assert all(RANK in case["error"] for case in failed)
    assert ran.json["restored"] is True
    diagnosis = ran.json["diagnosis"][0]
    assert diagnosis["patch"] == "channels_last"
    assert "rank 3" in diagnosis["cause"]
    assert_pristine(patcher)


def test_reverting_one_of_two_keeps_the_other(patcher: Patcher) -> None:
    assert patcher("apply", "inference_mode", "embed_ref_lens_clone").status == 0
    reverted = patcher("revert", "inference_mode", "--json").json
    assert reverted["reverted"] == ["inference_mode"]
    assert patcher("status", "--json").json["series"] == ["embed_ref_lens_clone"]
    assert patcher("apply", "inference_mode").status == 0
    assert patcher("revert", "embed_ref_lens_clone").status == 0
    assert patcher("status", "--json").json["series"] == ["inference_mode"]
    assert patcher("revert", "--all").status == 0
    assert_pristine(patcher)


def test_applying_twice_changes_nothing(patcher: Patcher) -> None:
    assert patcher("apply", "inference_mode").status == 0
    again = patcher("apply", "inference_mode", "--json").json
    assert again["applied"] == []
    assert again["already"] == ["inference_mode"]
    assert again["files"] == []
    assert patcher("revert", "--all").status == 0
    assert_pristine(patcher)


@pytest.mark.slow  # tests/mutations has it on the small target
def test_a_patch_that_claims_more_than_holds_is_refused(patcher: Patcher, workspace: Path) -> None:
    claim = (shipped() / "flow_int8.yaml").read_text("utf-8")
    for then, now in (("patch: flow_int8\n", "patch: same_bits\n"), ("perceptual", "bitwise")):
        claim = claim.replace(then, now, 1)
    shutil.copytree(shipped() / "cfm_int8", workspace / "patches" / "cfm_int8")  # its files
    (workspace / "patches" / "same_bits.yaml").write_text(claim, "utf-8")

    assert patcher("apply", "same_bits").status == 0
    ran = patcher("verify", "--models", "Base Chatterbox", "--inputs", "0", "--json")
    assert ran.status == 1, ran.stdout
    assert ran.json["verdict"] == "fail"
    assert [case["status"] for case in ran.json["cases"]] == ["fail"] * 3
    assert {case["outcome"] for case in ran.json["cases"]} == {"ok"}  # it runs: its claim is wrong
    assert {case["gate"] for case in ran.json["cases"]} == {"bitwise"}
    assert ran.json["restored"] is True
    assert_pristine(patcher)
