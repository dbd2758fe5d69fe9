"""A lazy expression runs its body where it is consumed."""

import torch


def run():
    with torch.no_grad():
        lazy = (torch.zeros(2) for _ in range(2))
    for one in lazy:
        one += 1
