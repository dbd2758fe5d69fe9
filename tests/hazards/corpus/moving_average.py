"""An average of ordinary memory takes inference tensors in."""

import torch


def run():
    average = torch.zeros(4)
    with torch.no_grad():
        sample = torch.ones(4)
    average.lerp_(sample, 0.1)
    average += sample
