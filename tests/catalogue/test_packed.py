"""The linears of `cfm_packed` by themselves: packed once, and never a weight that was replaced."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import pickle
import sys
from typing import Any

import pytest

from benchmarks.catalogue.about import ROOT

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
if not torch.backends.mkldnn.is_available():
    pytest.skip("torch has no library that packs weights", allow_module_level=True)


@pytest.fixture(name="packed")
def packed_module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The patch's module, on any CPU with AVX-512: it emulates the products of bfloat16."""
    path = ROOT / "patches" / "cfm_packed" / "packed.py"
    spec = importlib.util.spec_from_file_location("packed", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setitem(sys.modules, "packed", module)  # for pickle
    return module


@pytest.fixture(name="block")
def a_block(packed: Any) -> Any:
    torch.manual_seed(0)
    block = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.Linear(48, 16, bias=False))
    packed.pack_linears(block)
    return block


def in_half_precision() -> Any:
    """The circumstances in which weights are packed; without AVX-512 nothing can pack them."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this processor cannot pack weights in bfloat16")
    stack = contextlib.ExitStack()
    stack.enter_context(torch.inference_mode())
    stack.enter_context(torch.autocast("cpu", torch.bfloat16))
    return stack


def difference(block: Any) -> float:
    """How far the block's output is from the same product of its own weights in float32."""
    x = torch.linspace(-1, 1, 3 * 32).view(3, 32)
    first, second = block
    with torch.inference_mode():
        exact = torch.nn.functional.linear(x, first.weight, first.bias) @ second.weight.T
    with in_half_precision():
        return float((block(x).float() - exact).abs().max())


def test_it_multiplies_and_packs_once(block: Any) -> None:
    assert difference(block) < 0.02
    held = [linear.packed for linear in block]
    assert difference(block) < 0.02
    assert all(linear.packed is each for linear, each in zip(block, held, strict=True))


def test_a_weight_that_was_written_to_is_packed_anew(block: Any) -> None:
    difference(block)
    with torch.no_grad():
        block[0].weight.mul_(3)
    assert difference(block) < 0.05


def test_a_bias_that_was_written_to_is_taken_anew(block: Any) -> None:
    difference(block)
    with torch.no_grad():
        block[0].bias.add_(3)
    assert difference(block) < 0.05


def test_a_weight_put_in_place_of_another_is_packed_anew(block: Any) -> None:
    difference(block)
    block[0].weight.data = torch.randn(48, 32)
    assert difference(block) < 0.1


def test_loading_a_state_packs_anew(block: Any) -> None:
    difference(block)
    other = {name: value * 2 for name, value in block.state_dict().items()}
    block.load_state_dict(other)
    assert difference(block) < 0.05


def test_names_and_layout_of_the_weights_stay(block: Any) -> None:
    difference(block)
    assert list(block.state_dict()) == ["0.weight", "0.bias", "1.weight"]
    assert all(isinstance(linear, torch.nn.Linear) for linear in block)


def test_outside_of_half_precision_it_is_the_plain_product_to_the_bit(block: Any) -> None:
    x = torch.randn(3, 32)
    with torch.inference_mode():
        plain = torch.nn.functional.linear(x, block[0].weight, block[0].bias)
        assert torch.equal(block[0](x), plain)
    assert block[0].packed is None


def test_training_does_not_pack(block: Any) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        block(torch.randn(3, 32)).sum().backward()
    assert block[0].weight.grad is not None
    assert block[0].packed is None


def test_an_adapter_that_replaces_a_forward_is_called(block: Any) -> None:
    block[0].forward = lambda x: torch.zeros(len(x), 48)
    with in_half_precision():
        assert not block(torch.randn(3, 32)).any()


def test_a_copy_and_a_pickle_pack_for_themselves(block: Any) -> None:
    difference(block)
    for other in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        with torch.no_grad():
            other[0].weight.mul_(2)
        assert difference(other) < 0.05
    assert difference(block) < 0.02
