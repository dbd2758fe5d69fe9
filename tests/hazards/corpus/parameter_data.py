"""A parameter stays ordinary whatever its data is set to."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    p = torch.nn.Parameter(torch.ones(4))
    p.data = make()
    p.requires_grad_(False)
    p.add_(1)
