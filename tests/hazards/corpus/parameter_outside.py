"""A parameter made from one."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    p = torch.nn.Parameter(make())  # fails
