"""A copy made outside is ordinary."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make().clone()
    x[0] = 1
