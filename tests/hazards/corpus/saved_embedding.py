"""Autograd keeps an embedding's indices."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(2, dtype=torch.int64)


def run():
    table = torch.nn.Embedding(4, 2)
    table(make())  # fails
