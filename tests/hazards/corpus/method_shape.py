"""A change of shape alone counts as an update."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.unsqueeze_(0)  # fails
