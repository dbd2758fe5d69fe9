"""A patch adds a leaking `with` to a generator."""

import torch


def chunks():
    if True:  #= with torch.inference_mode():
        for _ in range(2):
            yield torch.zeros(2)


def run():
    own = [torch.zeros(2) for _ in chunks()]
    own[0] += 1  # fails
