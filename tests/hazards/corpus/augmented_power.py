"""A power in place."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x **= 2  # fails
