"""Weights that stay in the file they came from until they are read, on a CPU.

A tensor of a mapped file takes memory page by page as it is read, and gives it back with the last
tensor of that mapping. What every generation reads is therefore copied out once what is left of it
is known, and what only a cloned voice reads is mapped anew.
"""

import ctypes

import torch
from safetensors.torch import load_file

SELDOM = ("tokenizer", "speaker_encoder")  # parts of S3Gen that only a cloned voice needs


@torch.no_grad()
def own(module):
    """Copy what is left of a module's weights out of the file."""
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data = tensor.data.clone()


def map_seldom(s3gen, path):
    """Copy all of S3Gen out of its file, but for the parts that are seldom read."""
    for name, part in s3gen.named_children():
        if name not in SELDOM:
            own(part)
    state = load_file(path)
    for name in SELDOM:
        prefix = f"{name}."
        named = {
            key.removeprefix(prefix): value
            for key, value in state.items()
            if key.startswith(prefix)
        }
        getattr(s3gen, name).load_state_dict(named, strict=False, assign=True)
    give_back()


def give_back():
    """Hand what was freed while weights were converted back to the system."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library
        return
