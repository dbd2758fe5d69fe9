"""A patch adds a `with` where there was none."""

import torch


def run():
    if True:  #= with torch.inference_mode():
        x = torch.zeros(2)
        x += 1
    y = torch.zeros(2)
    y += 1
    x += 1  # fails
