"""A decorated generator: the mode is off while the consumer runs."""

import torch


@torch.no_grad()
def chunks():
    for _ in range(2):
        yield torch.zeros(2)


def run():
    for chunk in chunks():
        chunk += 1  # fails
        own = torch.zeros(2)
        own += 1
