"""Dynamic int8 for T3's decoder on a CPU, quantised by channel as the model is loaded.

Linears that are given the same input are kept as one matrix, and only as that: the first that is
called computes the product of all, the others take their columns of it. Who wants the whole product
(`t3_lean_step`) finds the matrix in the attribute ``together`` of each of them.
"""

import torch
from torch import nn
from torch.ao.nn.quantized import dynamic

GROUPS = (
    ("self_attn", ("q_proj", "k_proj", "v_proj")),
    ("self_attn", ("o_proj",)),
    ("mlp", ("gate_proj", "up_proj")),
    ("mlp", ("down_proj",)),
    # Turbo's decoder is a GPT-2
    ("attn", ("c_attn",)),
    ("attn", ("c_proj",)),
    ("mlp", ("c_fc",)),
    ("mlp", ("c_proj",)),
)


@torch.no_grad()
def quantise(decoder):
    """Replace the linears of every layer; the float weights are let go of."""
    for layer in decoder.layers if hasattr(decoder, "layers") else decoder.h:
        for part, names in GROUPS:
            owner = getattr(layer, part, None)
            if not hasattr(owner, names[0]):
                continue
            together = Together([as_linear(getattr(owner, name)) for name in names])
            for index, name in enumerate(names):
                setattr(owner, name, Part(together, index))


def as_linear(module):
    """A linear's weight is by outputs; that of GPT-2's ``Conv1D`` is by inputs."""
    if isinstance(module, nn.Linear):
        return module
    linear = nn.Linear(1, 1).train(module.training)
    linear.in_features, linear.out_features = module.weight.shape
    linear.weight, linear.bias = nn.Parameter(module.weight.t()), module.bias
    return linear


class Together(dynamic.Linear):
    """Several linears of one input as one int8 matrix."""

    def __init__(self, linears):
        super().__init__(1, 1, bias_=False)  # of its own weights it would make a copy first
        weight = torch.cat([linear.weight for linear in linears])
        self.sizes = [linear.out_features for linear in linears]
        self.out_features, self.in_features = weight.shape
        biases = [linear.bias for linear in linears if linear.bias is not None]
        self.set_weight_bias(by_channel(weight), torch.cat(biases) if biases else None)
        self.train(linears[0].training)
        self.held = None

    def part(self, x, index):
        """The columns of one linear; what the others will ask for of the same input is held."""
        held = self.held
        if held is None or held[0] is not x or held[1][index] is None:
            held = self.held = x, list(self(x).split(self.sizes, dim=-1))
        parts = held[1]
        result, parts[index] = parts[index], None
        if all(part is None for part in parts):
            self.held = None
        return result


class Part(nn.Module):
    """One of the linears."""

    def __init__(self, together, index):
        super().__init__()
        self.together, self.index = together, index
        self.in_features, self.out_features = together.in_features, together.sizes[index]

    def forward(self, x):
        return self.together.part(x, self.index)


def by_channel(weight):
    """As the library's own symmetric observer has it: the largest of a row becomes 127.5."""
    scales = weight.abs().amax(dim=1).double() / 127.5
    scales = scales.clamp(min=torch.finfo(torch.float32).eps)
    zeros = torch.zeros(len(weight), dtype=torch.long)
    return torch.quantize_per_channel(weight.float(), scales, zeros, 0, torch.qint8)
