"""One decoder layer of a one-token step as one compiled function.

It calls the operations of `lean_step.Block` in the same order, to the bit; what it saves is the
Python between them, which takes a fifth of a step in int8. Compiled are layers whose products are
all narrow ones, or all in int8.
"""

import torch
from torch import Tensor
from torch.nn import functional

Packed = torch.classes.quantized.LinearPackedParamsBase
_functions = {}  # of this process; compiled when first asked for


def attended(
    qkv: Tensor,
    cos: Tensor,
    sin: Tensor,
    keys_values: Tensor,
    keys: Tensor,
    values: Tensor,
    position: int,
    heads: int,
    scaling: float,
):
    """What a new position attends to (B, H * D), of its ``qkv`` (B, 3H, D), which is rotated."""
    rotated = qkv.narrow(1, 0, 2 * heads)
    turned = torch.roll(rotated, [qkv.size(2) // 2], [-1])
    rotated.mul_(cos).add_(turned.mul_(sin))
    keys_values.select(2, position).copy_(qkv.narrow(1, heads, 2 * heads))
    result = functional.scaled_dot_product_attention(
        qkv.narrow(1, 0, heads).unsqueeze(2),
        keys.narrow(2, 0, position + 1),
        values.narrow(2, 0, position + 1),
        scale=scaling,
    )
    return result.reshape(qkv.size(0), -1)


def norm(hidden: Tensor, weight: Tensor, epsilon: float):
    return functional.rms_norm(hidden, [hidden.size(1)], weight, epsilon)


def gated(gate_up: Tensor):
    gate, up = gate_up.chunk(2, dim=1)
    return (functional.silu(gate) * up).reshape(gate_up.size(0), -1)


def plus(hidden: Tensor, result: Tensor):
    return hidden.view(result.shape).add(result).view(hidden.size(0), -1)


def narrow_product(hidden: Tensor, weight: Tensor):
    rows = hidden.expand(weight.size(0), hidden.size(0), hidden.size(1))
    return torch.bmm(rows, weight).transpose(0, 1)


def int8_product(hidden: Tensor, packed: Packed):
    result = torch.ops.quantized.linear_dynamic(hidden, packed, True)
    return result.view(hidden.size(0), -1, 64)


# The two layers are the same words: TorchScript has no argument of either type.
def narrow_layer(
    hidden: Tensor,
    cos: Tensor,
    sin: Tensor,
    keys_values: Tensor,
    keys: Tensor,
    values: Tensor,
    position: int,
    heads: int,
    scaling: float,
    epsilon: float,
    first: Tensor,
    second: Tensor,
    qkv: Tensor,
    out: Tensor,
    gate_up: Tensor,
    down: Tensor,
):
    new = narrow_product(norm(hidden, first, epsilon), qkv)
    seen = attended(new, cos, sin, keys_values, keys, values, position, heads, scaling)
    hidden = plus(hidden, narrow_product(seen, out))
    inner = gated(narrow_product(norm(hidden, second, epsilon), gate_up))
    return plus(hidden, narrow_product(inner, down))


def int8_layer(
    hidden: Tensor,
    cos: Tensor,
    sin: Tensor,
    keys_values: Tensor,
    keys: Tensor,
    values: Tensor,
    position: int,
    heads: int,
    scaling: float,
    epsilon: float,
    first: Tensor,
    second: Tensor,
    qkv: Packed,
    out: Packed,
    gate_up: Packed,
    down: Packed,
):
    new = int8_product(norm(hidden, first, epsilon), qkv)
    seen = attended(new, cos, sin, keys_values, keys, values, position, heads, scaling)
    hidden = plus(hidden, int8_product(seen, out))
    inner = gated(int8_product(norm(hidden, second, epsilon), gate_up))
    return plus(hidden, int8_product(inner, down))


def compiled_layer(block):
    """A `CompiledLayer` of a `lean_step.Block`, or None where its operations are not the usual."""
    norms = block.before_attention, block.before_mlp
    products = block.qkv, block.out, block.gate_up, block.down
    fused = all(each.norm == each.fused for each in norms)
    silu = type(block.act).__name__ in ("SiLU", "SiLUActivation")
    if block.head_dim != 64 or not (fused and silu) or norms[0].epsilon != norms[1].epsilon:
        return None
    if all(each.narrow is not None and each.rest is None for each in products):
        kind, weights = narrow_layer, [each.narrow for each in products]
    elif all(each.narrow is None and each.packed is not None for each in products):
        kind, weights = int8_layer, [each.packed for each in products]
    else:
        return None
    function = compiled(kind)
    return function and CompiledLayer(block, kind.__name__, function, weights)


def compiled(function):
    """The function without Python, or None where this torch cannot compile it."""
    if function not in _functions:
        try:
            _functions[function] = torch.jit.script(function)
        except Exception:  # whatever another release raises: the layer stays as it is
            _functions[function] = None
    return _functions[function]


class CompiledLayer:
    def __init__(self, block, kind, function, weights):
        norms = [each.weight.detach() for each in (block.before_attention, block.before_mlp)]
        epsilon = block.before_mlp.epsilon
        self.function = function
        self.constants = (block.heads, float(block.scaling), float(epsilon), *norms, *weights)
        self.key = kind, *block.keys_values.shape[:2], torch.get_num_threads()

    def __call__(self, hidden, cos, sin, block, position):
        buffers = block.keys_values, block.keys, block.values
        return self.function(hidden, cos, sin, *buffers, position, *self.constants)
