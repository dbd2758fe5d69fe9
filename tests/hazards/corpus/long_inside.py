"""A conversion inside makes an inference tensor."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4, dtype=torch.int32).long()


def run():
    x = make()
    x[0] = 1  # fails
