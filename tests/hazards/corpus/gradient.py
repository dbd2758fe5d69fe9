"""A gradient set by hand."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    w = torch.ones(4, requires_grad=True)
    w.grad = make()
    w.grad.add_(1)  # fails
