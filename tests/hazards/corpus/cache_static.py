"""A static cache made inside and written outside."""

import torch


class Cache:
    @torch.no_grad()
    def __init__(self, size):
        self.keys = torch.zeros(size, 2)

    def update(self, position, key):
        self.keys[position] = key  # fails

    def reset(self):
        self.keys.zero_()  # fails


def run():
    cache = Cache(3)
    cache.update(0, torch.ones(2))
    cache.reset()
