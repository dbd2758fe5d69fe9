"""A patch puts both ends under inference mode."""

import torch


@torch.no_grad()
def make():
    return torch.zeros(2)


#+ @torch.inference_mode()
def trim(x):
    x[0] = 1
    return x


def run():
    trim(make())
