"""Run on a tree by `test_behaviour`: what a generation leaves behind in the T3 it used, or what
the CFM solver makes on a CPU with bfloat16 instructions and on one without.

The classes are the target's own, small; prints one JSON object.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from typing import Any

GENERATIONS = 3


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore")
    kind = sys.argv[1]
    print(json.dumps(flow() if kind == "flow" else t3_of(kind)))


def flow() -> dict[str, Any]:
    """A mel by whether the CPU says that it has bfloat16 instructions."""
    import torch
    from chatterbox.models.s3gen.decoder import ConditionalDecoder
    from chatterbox.models.s3gen.flow_matching import CausalConditionalCFM

    torch.manual_seed(0)
    small = {"n_blocks": 1, "num_mid_blocks": 1, "channels": [64], "num_heads": 2}
    estimator = ConditionalDecoder(
        in_channels=320, out_channels=80, causal=True, dropout=0.0, act_fn="gelu", **small
    )
    solver = CausalConditionalCFM(spk_emb_dim=80, estimator=estimator).eval()
    mu, condition = torch.randn(2, 1, 80, 20).unbind()
    mask, speaker = torch.ones(1, 1, 20), torch.randn(1, 80)
    told: dict[str, Any] = {}
    for has in (False, True):
        torch.cpu._is_avx512_bf16_supported = lambda has=has: has
        torch.manual_seed(1)
        mel, _ = solver(mu, mask, 4, spks=speaker, cond=condition)
        told[f"mel_{has}"], told["dtype"] = mel.flatten().tolist(), str(mel.dtype)
    return told


def t3_of(kind: str) -> dict[str, Any]:
    """Tokens, and what is left of hooks and state after each of some generations."""
    import torch
    from chatterbox.models.t3 import T3, llama_configs
    from chatterbox.models.t3.modules.cond_enc import T3Cond
    from chatterbox.models.t3.modules.t3_config import T3Config

    # The analyser looks at layers 9, 12 and 13.
    small = {"num_hidden_layers": 14, "intermediate_size": 64}
    llama_configs.LLAMA_CONFIGS["Llama_520M"].update(small)
    torch.manual_seed(0)
    t3 = T3(getattr(T3Config, kind)()).eval()
    text = torch.randint(10, 200, (1, 12))
    text[0, 0], text[0, -1] = t3.hp.start_text_token, t3.hp.stop_text_token

    def generate(guidance: float) -> list[int]:
        condition = T3Cond(
            speaker_emb=torch.ones(1, 256),
            cond_prompt_speech_tokens=torch.arange(150)[None],
            emotion_adv=0.5 * torch.ones(1, 1, 1),
        )
        rows = 2 if guidance else 1
        torch.manual_seed(3)
        found = t3.inference(
            t3_cond=condition,
            text_tokens=text.repeat(rows, 1),
            max_new_tokens=6,
            cfg_weight=guidance,
        )
        tokens: list[int] = found.flatten().tolist()
        return tokens

    told: dict[str, Any] = {"keys": [len(t3.state_dict())], "hooks": [], "tokens": []}
    for _ in range(GENERATIONS):
        told["tokens"].append(generate(0.5))
        told["hooks"].append(sum(len(part._forward_hooks) for part in t3.tfmr.modules()))
        told["keys"].append(len(t3.state_dict()))
    told["attention"] = t3.tfmr.config._attn_implementation
    try:
        told["without_guidance"] = generate(0.0)
    except RuntimeError as error:
        told["without_guidance"] = str(error)
    return told


if __name__ == "__main__":
    main()
