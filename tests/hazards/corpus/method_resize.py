"""So does a change of size."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.resize_(8)  # fails
