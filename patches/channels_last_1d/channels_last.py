"""One-dimensional convolutions served as channels-last two-dimensional ones of height 1."""

import torch
from torch import nn
from torch.nn import functional


def channels_last_conv1d(conv, x):
    """What ``conv(x)`` gives for ``x`` (B, C, T), with the channels innermost in memory.

    On a CPU in half precision the convolution as it is: the kernels of the two layouts round at
    other places there, by more than their results may differ.
    """
    if x.dtype != torch.float32 and x.device.type == "cpu":
        return nn.Conv1d.forward(conv, x)
    x = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    weight = conv.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    result = functional.conv2d(
        x,
        weight,
        conv.bias,
        stride=(1, conv.stride[0]),
        padding=(0, conv.padding[0]),
        dilation=(1, conv.dilation[0]),
        groups=conv.groups,
    )
    return result.squeeze(2)
