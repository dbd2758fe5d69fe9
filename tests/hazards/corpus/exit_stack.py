"""A scope entered by way of an exit stack is no `with` that a patch could turn: nothing changes."""

from contextlib import ExitStack

import torch


def run():
    grad_off = torch.set_grad_enabled
    with ExitStack() as stack:
        stack.enter_context(grad_off(False))
        x = torch.zeros(2)
    x += 1
