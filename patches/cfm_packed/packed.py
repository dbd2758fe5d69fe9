"""Linears that multiply in bfloat16 by weights laid out once for the processor's library.

`functional.linear` has the library lay out the weight anew at every call.
"""

import torch
from diffusers.models.lora import LoRACompatibleLinear
from torch import nn


def pack_linears(module):
    """Let every linear of `module` pack its weight when it is first called for; in place."""
    packing = {nn.Linear: PackedLinear, LoRACompatibleLinear: PackedCompatibleLinear}
    for linear in module.modules():
        if type(linear) in packing:
            linear.__class__ = packing[type(linear)]


class Packing:
    """What such a linear has beside its class: parameters and their names stay what they are."""

    packed = None

    def forward(self, x, *rest):
        adapted = rest or getattr(self, "lora_layer", None) is not None
        # A weight made under inference mode does not say when it is written to.
        if adapted or not is_fast(x) or self.weight.is_inference():
            return super().forward(x, *rest)
        held = self.packed
        if held is None or not held.is_of(self.weight, self.bias):
            held = self.packed = Packed(self.weight, self.bias)
        return held.product(x)

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "packed"}


class PackedLinear(Packing, nn.Linear):
    pass


class PackedCompatibleLinear(Packing, LoRACompatibleLinear):
    pass


class Packed:
    """One weight as it was when it was packed."""

    def __init__(self, weight, bias):
        # What is held keeps its place in memory: another weight cannot come to lie there.
        self.of = weight.detach(), None if bias is None else bias.detach()
        self.versions = versions(weight, bias)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().bfloat16())
        self.bias = None if bias is None else bias.detach().bfloat16()

    def is_of(self, weight, bias):
        """Whether these are the same, in the same memory, and not written to since."""
        same = all(
            (now is None) == (then is None) and (now is None or now.data_ptr() == then.data_ptr())
            for now, then in zip((weight, bias), self.of, strict=True)
        )
        return same and self.versions == versions(weight, bias)

    def product(self, x):
        """(..., K) of any floating type to (..., N) in bfloat16."""
        return torch.ops.mkldnn._linear_pointwise(
            x.bfloat16(), self.weight, self.bias, "none", [], ""
        )


def versions(weight, bias):
    return tuple(None if each is None else each._version for each in (weight, bias))


def is_fast(x):
    """Whether half precision is asked for, on a CPU with instructions for it."""
    return (
        x.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
        and torch.cpu._is_avx512_bf16_supported()
        and torch.backends.mkldnn.is_available()
        and not torch.is_grad_enabled()
    )
