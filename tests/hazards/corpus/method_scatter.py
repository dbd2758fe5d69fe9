"""Scatter in place."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.scatter_(0, torch.tensor([1]), 5.0)  # fails
