"""`@=` makes a new tensor."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make().view(2, 2)
    x @= torch.ones(2, 2)
    x[0] = 1
