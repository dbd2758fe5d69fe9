"""The attention of `cfm_attn_half` by itself, however many heads are done at once."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from benchmarks.catalogue.about import ROOT
from benchmarks.parts import REST, kind_of


def half_attention() -> Any:
    """The module that `cfm_attn_half` adds to the target."""
    path = ROOT / "patches" / "cfm_attn_half" / "half_attention.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("heads_at_once", [1, 3, 8, 16])
def test_heads_together_attend_as_they_do_alone(heads_at_once: int) -> None:
    torch = pytest.importorskip("torch")
    module = half_attention()
    frames, heads, width = 40, 8, 16
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, frames, heads * width) for _ in range(3))
    module.SCORES = heads_at_once * 2 * frames**2
    with torch.inference_mode():
        actual = module.attend(query, key, value, heads)
        exact = torch.nn.functional.scaled_dot_product_attention(
            *(each.view(2, frames, heads, width).transpose(1, 2) for each in (query, key, value)),
            scale=1,
        )
        module.SCORES = 0
        alone = module.attend(query, key, value, heads)
    assert float((actual - alone).abs().max()) < 0.02
    exact = exact.transpose(1, 2).reshape(actual.shape)
    assert float((actual - exact).abs().mean()) < 0.01


def test_a_kind_of_the_flows_profile_is_known_by_the_operations_name() -> None:
    kinds = {
        name: kind_of(f"aten::{name}") for name in ("bmm", "addmm", "exp_", "expand", "_softmax")
    }
    assert kinds == {
        "bmm": "products of attention",
        "addmm": "linears",
        "exp_": "softmax",
        "expand": REST,
        "_softmax": "softmax",
    }
    assert kind_of("mkldnn::_linear_pointwise") == "linears"


@pytest.mark.parametrize("size", [1.0, 30.0, 1e3])
def test_scores_of_any_size_give_the_softmax(size: float) -> None:
    torch = pytest.importorskip("torch")
    attend = half_attention().attend
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 24, 16).bfloat16() for _ in range(3))
    with torch.inference_mode():
        for sign in (1, -1):  # all exponentials too large, or all of a row too small
            shifted_query, shifted_key = query.clone(), key.clone()
            shifted_query[..., 0], shifted_key[..., 0] = size, sign
            actual = attend(shifted_query, shifted_key, value, 1)
            scores = shifted_query.float() @ shifted_key.float().transpose(1, 2)
            exact = torch.softmax(scores.bfloat16().float(), dim=-1) @ value.float()
            assert float((actual - exact).abs().max()) < 0.03


def test_what_is_not_a_number_stays_so() -> None:
    torch = pytest.importorskip("torch")
    query = torch.randn(1, 8, 16).bfloat16()
    spoilt = query.clone()
    spoilt[0, 3, 2] = float("nan")
    with torch.inference_mode():
        assert bool(half_attention().attend(spoilt, query, query, 1)[0, 3].isnan().all())
