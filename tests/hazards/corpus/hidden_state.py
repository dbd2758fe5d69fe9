"""A state kept between calls of a decorated method, decayed outside."""

import torch


class Cell(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.state = torch.zeros(2)

    @torch.no_grad()
    def forward(self, x):
        self.state = self.state + x
        return self.state

    def decay(self):
        self.state.mul_(0.5)  # fails


def run():
    cell = Cell()
    cell.decay()
    cell(torch.ones(2))
    cell.decay()
