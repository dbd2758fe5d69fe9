"""torch lets `.data` of a parameter made inside pass, though it calls it an inference tensor."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    with torch.no_grad():
        p = torch.nn.Parameter(torch.zeros(4))
    p.data.add_(1)
