"""`detach` shares everything."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make().detach()
    x[0] = 1  # fails
