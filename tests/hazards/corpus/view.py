"""A view made outside still belongs to its base."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    y = x.view(2, 2)
    y.mul_(2)  # fails
