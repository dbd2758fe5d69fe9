"""A `with` around `yield` leaks into the consumer: its own tensors are affected."""

import torch


def chunks():
    with torch.no_grad():
        for _ in range(2):
            yield torch.zeros(2)


def run():
    own = []
    for chunk in chunks():
        chunk += 1
        own.append(torch.zeros(2))
    own[0] += 1  # fails
