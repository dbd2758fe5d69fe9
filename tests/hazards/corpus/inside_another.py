"""Made in one scope, updated in another."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    with torch.no_grad():
        x += 1
