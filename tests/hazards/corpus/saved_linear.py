"""Autograd keeps a layer's input."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    layer = torch.nn.Linear(4, 2)
    layer(make()[None])  # fails
