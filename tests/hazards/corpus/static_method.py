"""A decorated static method."""

import torch


class Maker:
    @staticmethod
    @torch.no_grad()
    def make():
        return torch.zeros(2)


def run():
    x = Maker.make()
    x += 1  # fails
