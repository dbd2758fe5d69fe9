"""Zeroing and filling, one after the other."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.zero_()  # fails
    x.fill_(3)  # fails
