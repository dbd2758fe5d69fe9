"""A decorated function that calls itself, updates inside, and is updated outside."""

import torch


@torch.no_grad()
def grow(depth):
    if depth == 0:
        return torch.zeros(2)
    x = grow(depth - 1)
    x += 1
    return x


def run():
    x = grow(3)
    x += 1  # fails
