"""NumPy writes without asking."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.numpy()[0] = 1
