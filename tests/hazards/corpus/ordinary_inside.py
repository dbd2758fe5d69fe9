"""An ordinary tensor may be updated inside."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = torch.zeros(4)
    with torch.no_grad():
        x += 1
        x[0] = 2
    x += 1
