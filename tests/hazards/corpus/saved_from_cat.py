"""Joined first, an ordinary tensor is kept."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    w = torch.ones(8, requires_grad=True)
    y = torch.cat([make(), make()]) * w
    y.sum().backward()
