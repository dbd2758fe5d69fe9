"""The attention of `cfm_attn_half` by itself, however many heads are done at once."""

from __future__ import annotations

import pytest

from benchmarks.flow_parts import half_attention, parts


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


def test_every_operation_of_the_flow_runs() -> None:
    torch = pytest.importorskip("torch")
    with torch.inference_mode():
        for name, (act, times, _) in parts(torch).items():
            assert act() is not None, name
            assert times > 0


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
