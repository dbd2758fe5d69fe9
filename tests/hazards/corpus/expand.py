"""An expanded tensor is a view."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()[:1].expand(1)
    x[0] = 3  # fails
