"""A module with `inplace=True`."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    torch.nn.ReLU(inplace=True)(x)  # fails
