"""Batch norm keeps its running statistics."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    norm = torch.nn.BatchNorm1d(4)
    norm.running_mean, norm.running_var = make(), make() + 1
    norm(torch.randn(3, 4))  # fails
