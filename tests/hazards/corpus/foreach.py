"""One of a list of tensors that are updated together."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x, y = make(), torch.zeros(4)
    torch._foreach_add_([y, x], 1)  # fails
