"""Inference mode switched off inside."""

import torch


def make():
    with torch.no_grad():
        return torch.zeros(4)


def run():
    with torch.no_grad():
        with torch.inference_mode(False):
            x = torch.zeros(4)
    x += 1
