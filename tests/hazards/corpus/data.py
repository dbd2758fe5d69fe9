"""So does `.data`."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.data[0] = 1  # fails
