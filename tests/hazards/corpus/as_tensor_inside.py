"""A tensor made from a list by `as_tensor`."""

import torch


def make():
    with torch.no_grad():
        return torch.as_tensor([1.0, 2.0])


def run():
    x = make()
    x[0] = 1  # fails
