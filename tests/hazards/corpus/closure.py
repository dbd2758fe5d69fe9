"""An inner function under the scope of its caller."""

import torch


def make():
    def inner():
        return torch.zeros(2)

    with torch.no_grad():
        return inner()


def run():
    x = make()

    def later():
        x.add_(1)  # fails

    later()
