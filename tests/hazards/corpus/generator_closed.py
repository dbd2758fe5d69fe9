"""A leaking generator that is closed early."""

import torch


def chunks():
    with torch.no_grad():
        while True:
            yield torch.zeros(2)


def run():
    source = chunks()
    first = next(source)
    own = torch.zeros(2)
    first += 1
    source.close()
    first += 1  # fails
    own += 1  # fails
