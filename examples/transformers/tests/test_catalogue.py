"""The catalogue as a user has it: installed, found by entry point, judged on the real package."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

CALLS = ("prompt", "generate", "training")
VERDICTS = {
    "llama_rope_half": "pass",
    "llama_norm_fused": "pass",
    "llama_mlp_in_place": "pass",
    "llama_cpu_attention": "pass",
    "llama_rope_inference_mode": "fail",
}


def patcher(folder: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "patcher", "-C", str(folder), "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    bench = resources.files("patcher_transformers").joinpath("bench.py").read_text()
    (folder / "bench.py").write_text(bench)
    calls = json.dumps([f"bench.py:{name}" for name in CALLS])
    (folder / "patcher.toml").write_text(f'target = "transformers"\n[verify]\ncall = {calls}\n')
    assert patcher(folder, "init", "transformers")["ok"]
    return folder


def test_the_patches_are_found_where_they_are_installed(workspace: Path) -> None:
    listed = {each["name"] for each in patcher(workspace, "list", "--all")["patches"]}
    assert set(VERDICTS) <= listed


def test_the_specs_and_their_fixtures_are_fine(workspace: Path) -> None:
    assert patcher(workspace, "check", *VERDICTS)["ok"]


@pytest.mark.parametrize(("name", "verdict"), VERDICTS.items())
def test_each_patch_comes_to_its_verdict(workspace: Path, name: str, verdict: str) -> None:
    result = patcher(workspace, "verify", name)
    assert result["verdict"] == verdict
    assert result["series_now"] == []


def test_the_failure_is_explained_to_the_line(workspace: Path) -> None:
    result = patcher(workspace, "verify", "llama_rope_inference_mode", "--again")
    (cause,) = result["diagnosis"]
    assert "saved for backward" in cause["error"]
    assert cause["patch"] == "llama_rope_inference_mode"
    assert cause["created_at"].startswith("transformers/models/llama/modeling_llama.py:")
    assert cause["created_at"].endswith("LlamaRotaryEmbedding.forward")


def test_attention_in_the_fused_kernel_is_called_faster(workspace: Path) -> None:
    result = patcher(workspace, "verify", "llama_cpu_attention", "--bench=full")
    assert result["verdict"] == "pass"
    assert result["speed"]["verdict"] == "faster"
    assert result["speed"]["high"] < 1
