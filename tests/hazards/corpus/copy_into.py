"""Copying into one, and copying from one."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x, y = make(), torch.ones(4)
    x.copy_(y)  # fails
    y.copy_(x)
