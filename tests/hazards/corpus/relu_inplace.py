"""A function with `inplace=True`."""

import torch
import torch.nn.functional as F


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    F.relu(x, inplace=True)  # fails
