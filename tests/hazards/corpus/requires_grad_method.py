"""Gradients are asked for."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    x = make()
    x.requires_grad_()  # fails
