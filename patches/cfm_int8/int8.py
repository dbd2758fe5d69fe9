"""Dynamic int8 for the attention and feed-forward of the flow's blocks, on a CPU.

It quantises as `t3_int8` does, in words of its own: a patch works without the others.
"""

import torch
from torch import nn
from torch.ao.nn.quantized import dynamic


class Int8(dynamic.Linear):
    """Takes and gives any floating type: the decoder around it may be cast later."""

    def forward(self, x):
        return super().forward(x.float()).to(x.dtype)


@torch.no_grad()
def quantise_blocks(model, kinds=("BasicTransformerBlock",)):
    """Quantise the linears of every block of these classes by channel, in place.

    Those of the residual blocks stay: they shift all frames alike by the time embedding.
    """
    for block in list(model.modules()):
        if type(block).__name__ in kinds:
            for part in list(block.modules()):
                for name, child in part.named_children():
                    # Also the one that diffusers made ready for adapters, which is a linear too.
                    if isinstance(child, nn.Linear):
                        setattr(part, name, quantised(child))


def quantised(linear):
    int8 = Int8(1, 1)  # of its own weights it would make a copy first
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
