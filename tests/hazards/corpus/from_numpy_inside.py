"""An array wrapped inside."""

import numpy as np
import torch


def make():
    with torch.no_grad():
        return torch.from_numpy(np.zeros(4))


def run():
    x = make()
    x[0] = 1  # fails
