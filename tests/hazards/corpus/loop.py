"""Each of a list."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    for x in [make(), torch.zeros(4)]:
        x *= 2  # fails
