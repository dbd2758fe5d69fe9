"""A tensor made from a list inside."""

import torch


def make():
    with torch.no_grad():
        return torch.tensor([1.0, 2.0])


def run():
    x = make()
    x[0] = 1  # fails
