"""A view of a view of a view."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.view(2, 2).t()[0].sub_(1)  # fails
