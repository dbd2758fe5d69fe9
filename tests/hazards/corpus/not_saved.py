"""A sum keeps nothing."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    w = torch.ones(4, requires_grad=True)
    y = make() + w
    y.sum().backward()
