"""A conversion outside copies: the accident that hides many of these."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4, dtype=torch.int32)


def run():
    x = make().long()
    x[0] = 1
