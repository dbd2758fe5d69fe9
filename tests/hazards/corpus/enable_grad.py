"""`enable_grad` has no power under inference mode."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    with torch.no_grad():
        w = torch.ones(4, requires_grad=True)
        with torch.enable_grad():
            loss = (w * 2).sum()
        loss.backward()  # fails
