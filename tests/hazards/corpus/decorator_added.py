"""A patch adds a decorator where there was none."""

import torch


#+ @torch.inference_mode()
def make():
    return torch.zeros(2)


def run():
    x = make()
    x[0] = 1  # fails
