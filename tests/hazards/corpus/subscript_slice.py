"""A slice is updated by an operator."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x[1:] += 1  # fails
