"""`+=` of a list is no update of a tensor."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    held = [make()]
    held += [make()]
