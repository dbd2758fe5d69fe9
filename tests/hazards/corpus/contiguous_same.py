"""`contiguous` returns the same tensor when it is."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make().contiguous()
    x[0] = 3  # fails
