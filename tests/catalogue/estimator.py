"""A small decoder of the CFM solver, for the probes that run on a tree."""

from __future__ import annotations

from typing import Any


def small_estimator() -> Any:
    """The decoder of the CFM solver, with one block a part."""
    import torch
    from chatterbox.models.s3gen.decoder import ConditionalDecoder

    torch.manual_seed(0)
    small = {"n_blocks": 1, "num_mid_blocks": 1, "channels": [64], "num_heads": 2}
    return ConditionalDecoder(
        in_channels=320, out_channels=80, causal=True, dropout=0.0, act_fn="gelu", **small
    ).eval()


def given_to_estimator() -> dict[str, Any]:
    import torch

    x, mu, condition = torch.randn(3, 2, 80, 20).unbind()
    mask, speaker, t = torch.ones(2, 1, 20), torch.randn(2, 80), torch.ones(2)
    return {"x": x, "mask": mask, "mu": mu, "t": t, "spks": speaker, "cond": condition}


def estimated(estimator: Any, given: dict[str, Any], dtype: Any) -> tuple[str, list[float]]:
    """The type of the decoder's output when all of it is of one type, and the output."""
    import torch

    with torch.inference_mode():
        actual = estimator.to(dtype)(**{name: each.to(dtype) for name, each in given.items()})
    return str(actual.dtype), actual.float().flatten().tolist()
