"""A branch that is not taken."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    if x.sum() > 1:
        x += 1
