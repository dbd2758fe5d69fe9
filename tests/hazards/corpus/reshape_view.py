"""Reshaping a contiguous tensor is a view."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make().reshape(2, 2)
    x[0] = 3  # fails
