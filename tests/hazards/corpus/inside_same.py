"""Made and updated inside."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    with torch.no_grad():
        x = torch.zeros(4)
        x += 1
        x[0] = 2
