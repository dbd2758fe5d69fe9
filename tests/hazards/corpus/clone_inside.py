"""A copy made inside is not."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    with torch.no_grad():
        x = torch.zeros(4).clone()
    x[0] = 1  # fails
