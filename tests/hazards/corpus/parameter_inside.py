"""A parameter made inside, stepped outside."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    with torch.no_grad():
        p = torch.nn.Parameter(torch.zeros(4))
    with torch.set_grad_enabled(False):
        p.add_(1)  # fails
