"""An update in a scripted function, at the call."""

import torch


@torch.jit.script
def bump(x):
    return x.add_(1)


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    bump(x)  # fails
