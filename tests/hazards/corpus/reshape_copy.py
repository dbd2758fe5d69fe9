"""Reshaping a transposed one copies."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make().view(2, 2).t().reshape(4)
    x[0] = 3
