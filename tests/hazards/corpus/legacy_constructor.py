"""The old constructors."""

import torch


def make():
    with torch.no_grad():
        return torch.LongTensor([1, 2])


def run():
    x = make()
    x[0] = 1  # fails
