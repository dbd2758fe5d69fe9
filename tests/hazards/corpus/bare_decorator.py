"""The decorator without parentheses, by a bare name."""

import torch
from torch import no_grad


@no_grad()
def make():
    return torch.zeros(2)


def run():
    x = make()
    x[0] = 1  # fails
