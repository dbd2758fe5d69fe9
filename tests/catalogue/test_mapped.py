"""The module of `weights_mapped` by itself, on a small model with the parts that it names."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalogue.about import ROOT

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


@pytest.fixture(name="mapped", scope="module")
def mapped_module() -> Any:
    path = ROOT / "patches" / "weights_mapped" / "mapped.py"
    spec = importlib.util.spec_from_file_location("mapped", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small_model() -> Any:
    """Parts that are read seldom, with a buffer that no file has, and one that is read always."""
    parts = {name: torch.nn.Linear(64, 64) for name in ("tokenizer", "speaker_encoder", "flow")}
    parts["tokenizer"].register_buffer("window", torch.hann_window(8))
    return torch.nn.ModuleDict(parts)


def in_file(tensor: Any, path: Path) -> bool:
    """Whether it lies in this process's mapping of the file."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, _, high = line.split()[0].partition("-")
        if int(low, 16) <= tensor.data_ptr() < int(high, 16):
            return line.endswith(path.name)
    return False


@pytest.fixture(name="loaded")
def loaded_model(mapped: Any, tmp_path: Path) -> tuple[Any, Any, Path]:
    torch.manual_seed(0)
    original, model, path = small_model(), small_model(), tmp_path / "weights.safetensors"
    state = {k: v for k, v in original.state_dict().items() if not k.endswith("window")}
    safetensors.save_file(state, path)
    model.load_state_dict(safetensors.load_file(path), strict=False, assign=True)
    mapped.map_seldom(model, path)
    return original, model, path


def test_every_weight_is_what_the_file_says(loaded: tuple[Any, Any, Path]) -> None:
    original, model, _ = loaded
    known = original.state_dict()
    assert all(torch.equal(known[name], value) for name, value in model.state_dict().items())


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="mappings are read on Linux")
def test_what_is_seldom_read_stays_in_the_file_and_all_else_is_copied(
    loaded: tuple[Any, Any, Path],
) -> None:
    _, model, path = loaded
    assert in_file(model["tokenizer"].weight, path)
    assert in_file(model["speaker_encoder"].bias, path)
    assert not in_file(model["flow"].weight, path)


def test_weights_can_still_be_written_to_without_the_file_changing(
    loaded: tuple[Any, Any, Path],
) -> None:
    _, model, path = loaded
    before = path.read_bytes()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)
    assert path.read_bytes() == before
