"""A cache of keys that is joined in every step: each result is ordinary."""

import torch


class Attention:
    def __init__(self):
        self.keys = None

    def step(self, x):
        with torch.no_grad():
            key = x * 2
        self.keys = key if self.keys is None else torch.cat([self.keys, key])
        return self.keys


def run():
    attention = Attention()
    attention.step(torch.ones(1, 2))
    attention.step(torch.ones(1, 2))
    attention.keys[0] = 0
