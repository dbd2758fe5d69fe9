"""The real part of a complex tensor is a view."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4, dtype=torch.complex64)


def run():
    x = make()
    x.real.mul_(2)  # fails
