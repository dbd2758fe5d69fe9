"""A buffer made by a decorated method, updated in a later call."""

import torch


class Meter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", torch.zeros(2))

    @torch.no_grad()
    def reset(self):
        self.total = torch.zeros(2)

    def forward(self, x):
        self.total += x  # fails
        return self.total


def run():
    meter = Meter()
    meter(torch.ones(2))
    meter.reset()
    meter(torch.ones(2))
