"""A mask selects what is assigned."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x[x == 0] = 2  # fails
