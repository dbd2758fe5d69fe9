"""A tensor over a buffer."""

import torch


def make():
    with torch.no_grad():
        return torch.frombuffer(bytearray(16), dtype=torch.float32)


def run():
    x = make()
    x[0] = 1  # fails
