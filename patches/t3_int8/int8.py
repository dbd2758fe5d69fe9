"""Dynamic int8 for T3's decoder on a CPU, quantised by channel as the model is loaded.

Linears that are given the same input are also packed as one matrix. Who wants all their products
at once (`t3_lean_step`) finds it in the attribute ``together`` of each of them.
"""

import torch
from torch.ao.nn.quantized.dynamic import Linear

GROUPS = (
    ("self_attn", ("q_proj", "k_proj", "v_proj")),
    ("self_attn", ("o_proj",)),
    ("mlp", ("gate_proj", "up_proj")),
    ("mlp", ("down_proj",)),
)


@torch.no_grad()
def quantise(decoder):
    """Replace the linears of every layer; the float weights are let go of."""
    for layer in decoder.layers:
        for part, names in GROUPS:
            owner = getattr(layer, part)
            linears = [getattr(owner, name) for name in names]
            made = [quantised(linear) for linear in linears]
            together = made[0]._packed_params._packed_params
            if len(made) > 1:
                together = packed_together([each.weight for each in linears])
            for name, each in zip(names, made, strict=True):
                each.together = together
                setattr(owner, name, each)


def quantised(linear):
    int8 = Linear(1, 1, bias_=False)  # of its own weights it would make a copy first
    int8.in_features, int8.out_features = linear.in_features, linear.out_features
    int8.set_weight_bias(by_channel(linear.weight), linear.bias)
    int8.train(linear.training)
    return int8


def by_channel(weight):
    """As the library's own symmetric observer has it: the largest of a row becomes 127.5."""
    scales = weight.abs().amax(dim=1).double() / 127.5
    scales = scales.clamp(min=torch.finfo(torch.float32).eps)
    zeros = torch.zeros(len(weight), dtype=torch.long)
    return torch.quantize_per_channel(weight.float(), scales, zeros, 0, torch.qint8)


def packed_together(weights):
    return torch.ops.quantized.linear_prepack(by_channel(torch.cat(weights)), None)
