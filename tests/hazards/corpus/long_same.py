"""A conversion that has nothing to do returns the same tensor."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4, dtype=torch.int64)


def run():
    x = make().long()
    x[0] = 1  # fails
