"""A view made inside, of an ordinary tensor."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    base = torch.zeros(4)
    with torch.no_grad():
        y = base[1:]
    y.add_(1)
    base.add_(1)
