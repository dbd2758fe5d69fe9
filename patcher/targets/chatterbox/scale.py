"""Sizes of synthetic weights: the package's own classes with fewer and narrower layers.

Runs in a worker. Constructors are wrapped in place, so that classes keep their identity and a
patch of any of them is still what runs.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

TOKENS = {"tiny": {"cpu": 12, "cuda": 12, "mps": 12}, "full": {"cpu": 25, "cuda": 250, "mps": 100}}
"""Speech tokens a generation is capped at, by scale and device; 25 are a second of audio."""

TINY_T3 = {"num_hidden_layers": 2, "intermediate_size": 256}
ANALYSED_LAYERS = 10  # 0.1.0, 0.1.1 and the fork watch the attention of layer 9 in any language
TINY_TOKENIZER = {"n_audio_layer": 1, "n_audio_state": 128, "n_audio_head": 2}
TINY_PARTS: dict[str, dict[str, Any]] = {
    "UpsampleConformerEncoder": {"num_blocks": 1, "linear_units": 256},
    # Narrow too: a processor without bfloat16 computes in it ten times as slowly.
    "ConditionalDecoder": {"n_blocks": 1, "num_mid_blocks": 1, "channels": [64], "num_heads": 2},
    "HiFTGenerator": {"base_channels": 64},
}

_applied: list[str] = []


def apply_scale(scale: str) -> None:
    """Give this process one scale, before any model is built. ``full`` leaves all as it is.

    The hidden size of T3 stays 1024 at every scale: its perceiver fixes it.
    """
    if _applied:
        if _applied != [scale]:
            raise RuntimeError(f"this process already runs at scale {_applied[0]!r}")
        return
    _applied.append(scale)
    if scale != "tiny":
        return
    from chatterbox.models.s3gen import s3gen
    from chatterbox.models.t3 import llama_configs, t3
    from s3tokenizer.model_v2 import S3TokenizerV2

    sizes = dict(TINY_T3)
    # By what a patch of the analyser's use leaves: patched and pristine load the same weights.
    always = "is_multilingual" not in inspect.getsource(t3.T3.inference)
    if always and hasattr(t3, "AlignmentStreamAnalyzer"):
        sizes["num_hidden_layers"] = ANALYSED_LAYERS
    llama_configs.LLAMA_CONFIGS["Llama_520M"].update(sizes)
    config = S3TokenizerV2.__init__.__defaults__[0]
    for name, value in TINY_TOKENIZER.items():
        setattr(config, name, value)
    for name, fewer in TINY_PARTS.items():
        _resize(getattr(s3gen, name), fewer)


def _resize(kind: Any, sizes: dict[str, Any]) -> None:
    build = kind.__init__

    @functools.wraps(build)
    def resized(self: Any, *arguments: Any, **named: Any) -> None:
        build(self, *arguments, **{**named, **sizes})

    kind.__init__ = resized
