"""What int8 makes of the flow, of its encoder and of the T3: for `probe`, which runs on a tree."""

from __future__ import annotations

import pickle
from typing import Any

from estimator import estimated, given_to_estimator, small_estimator  # beside this file


def int8_flow() -> dict[str, Any]:
    """What `cfm_int8` leaves of the decoder's linears, and what it then makes of each type."""
    import torch
    from chatterbox.models.s3gen.int8 import quantise_blocks

    estimator, given = small_estimator(), given_to_estimator()
    plain = estimated(estimator, given, torch.float32)
    quantise_blocks(estimator)
    kinds = [(name, type(part)) for name, part in estimator.named_modules()]
    linear = torch.nn.Linear
    return {
        "plain": plain,
        "int8": estimated(estimator, given, torch.float32),
        "cast": estimated(estimator, given, torch.bfloat16),
        "float_in_blocks": [n for n, kind in kinds if ".1." in n and issubclass(kind, linear)],
        "float_elsewhere": [n for n, kind in kinds if ".1." not in n and kind is linear],
    }


def int8_encoder() -> dict[str, Any]:
    """What `flow_int8` leaves of a small flow encoder's linears, and how far its output moves."""
    import torch
    from chatterbox.models.s3gen.flow_int8 import quantise_blocks
    from chatterbox.models.s3gen.transformer.upsample_encoder import UpsampleConformerEncoder

    torch.manual_seed(0)
    encoder = UpsampleConformerEncoder(
        input_size=512, output_size=512, attention_heads=8, linear_units=256, num_blocks=1,
        input_layer="linear", pos_enc_layer_type="rel_pos_espnet", dropout_rate=0.0,
        selfattention_layer_type="rel_selfattn", macaron_style=False, use_cnn_module=False,
    ).eval()  # fmt: skip
    frames, length = torch.randn(1, 12, 512), torch.tensor([12])

    def output() -> list[float]:
        with torch.inference_mode():
            result: list[float] = encoder(frames, length)[0].flatten().tolist()
        return result

    plain = output()
    quantise_blocks(encoder, ("BasicTransformerBlock", "ConformerEncoderLayer"))
    linear = torch.nn.Linear
    return {
        "plain": plain,
        "int8": output(),
        "float_in_blocks": [
            name for name, part in encoder.named_modules()
            if "encoders." in name and type(part) is linear
        ],
    }  # fmt: skip


def int8_t3() -> dict[str, Any]:
    """Products of `t3_int8`: one by one, packed together, and by the library's quantisation."""
    import torch
    from chatterbox.models.t3.inference.int8 import quantise
    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic
    from transformers import LlamaConfig, LlamaModel

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=4, vocab_size=8,
    )  # fmt: skip
    quantised = LlamaModel(config).eval()
    reference = LlamaModel(config).eval()
    reference.load_state_dict(quantised.state_dict())
    quantise(quantised)
    quantize_dynamic(reference, {torch.nn.Linear: per_channel_dynamic_qconfig}, inplace=True)
    hidden = torch.randn(2, 64)
    attention, known = quantised.layers[0].self_attn, reference.layers[0].self_attn
    parts = [attention.q_proj, attention.k_proj, attention.v_proj]
    apart = torch.cat([part(hidden) for part in parts], dim=1)
    product = torch.ops.quantized.linear_dynamic
    packed = parts[0].together._packed_params._packed_params
    as_one = product(hidden, packed, reduce_range=True)
    again = pickle.loads(pickle.dumps(quantised)).layers[0].self_attn
    other = torch.randn(2, 64)
    mixed = [parts[0](hidden), parts[0](other), parts[1](hidden), parts[2](hidden)]
    known_parts = [known.q_proj, known.k_proj, known.v_proj]
    return {
        "apart": apart.tolist(),
        "as_one": as_one.tolist(),
        "mixed": torch.cat([mixed[0], *mixed[2:]], dim=1).tolist(),
        "after a pickle": torch.cat(
            [part(hidden) for part in (again.q_proj, again.k_proj, again.v_proj)], dim=1
        ).tolist(),
        "library": torch.cat([part(hidden) for part in known_parts], dim=1).tolist(),
        "float_linears": sum(type(part) is torch.nn.Linear for part in quantised.modules()),
    }
