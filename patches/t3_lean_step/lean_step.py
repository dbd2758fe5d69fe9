"""One-token steps of a Llama decoder, bitwise equal to the library's own forward and cheaper.

Query, key and value are one product, and so are gate and up; both rotations are done at once; keys
and values are written into place where the library concatenates the whole cache. On a CPU in
float32 the products of two rows run as a batch of narrow ones, which reads the weights at the
speed of the memory. Where it can be, a layer is one compiled function (`compiled_layer`).
"""

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional

from .compiled_layer import compiled_layer

GROWTH = 256  # positions added to the buffers at a time
ROWS = 64  # rows of a weight in one product of a batch
# Called as an attribute of `torch.ops` it first searches its arguments in Python, at every call.
int8_product = getattr(
    torch.ops.quantized.linear_dynamic, "_op", torch.ops.quantized.linear_dynamic
)
_same = {}  # what was asked of this machine: does the cheaper way give the same bits?


def lean_steps(backend, past, first_position):
    """What takes one token's embeddings (B, 1, C) to an output with ``logits`` (B, 1, V).

    The backend itself where its decoder is not the one known here: a GPT-2, another kind of cache,
    an attention that has to return its weights.
    """
    layers = getattr(past, "layers", None)
    config = backend.model.config
    if (
        getattr(backend, "alignment_stream_analyzer", None) is not None
        or config.model_type != "llama"
        or config._attn_implementation != "sdpa"
        or config.num_attention_heads != config.num_key_value_heads
        or not layers
        or not all(type(layer).__name__ == "DynamicLayer" for layer in layers)
    ):
        return backend
    steps = LeanSteps(backend, layers, first_position)
    wrap = getattr(backend, "wrap_steps", None)  # of another patch that replays them as a graph
    return wrap(steps, backend, first_position) if wrap else steps


class LeanSteps:
    def __init__(self, backend, cached, first_position):
        self.decoder = backend.model
        self.norm = Norm(self.decoder.norm)
        self.head = Product(backend.speech_head, batch=len(cached[0].keys))
        self.position = self.end = first_position
        pairs = zip(self.decoder.layers, cached, strict=True)
        self.blocks = [Block(layer, cache.keys, cache.values) for layer, cache in pairs]

    def __call__(self, inputs_embeds, **_):
        """The backend's keywords say what to keep of the layers: nothing is kept here."""
        batch = inputs_embeds.shape[0]
        hidden = inputs_embeds.view(batch, -1)
        if self.position == self.end:
            self.grow(inputs_embeds)
        row = self.position - self.end + GROWTH
        cos, sin = self.cos[row], self.sin[row]
        for block in self.blocks:
            hidden = block(hidden, cos, sin, self.position)
        self.position += 1
        logits = self.head(self.norm(hidden)).reshape(batch, 1, -1)
        return SimpleNamespace(logits=logits, past_key_values=None)

    def grow(self, like):
        """Room for `GROWTH` more positions, and their rotations."""
        positions = torch.arange(self.end, self.end + GROWTH, device=like.device)
        cos, sin = self.decoder.rotary_emb(like, positions[None])
        half = sin.shape[-1] // 2
        # (-x) * y is x * (-y) to the bit: the sign moves from the rotated half into the table
        self.cos, self.sin = cos[0], torch.cat((-sin[0, :, :half], sin[0, :, half:]), dim=-1)
        self.end += GROWTH
        for block in self.blocks:
            block.grow()


class Block:
    """One decoder layer with its keys and values (B, 2H, positions, D)."""

    def __init__(self, layer, keys, values):
        attention, mlp = layer.self_attn, layer.mlp
        batch, self.heads, _, self.head_dim = keys.shape
        self.scaling, self.act = attention.scaling, mlp.act_fn
        self.before_attention = Norm(layer.input_layernorm)
        self.before_mlp = Norm(layer.post_attention_layernorm)
        self.qkv = Product(attention.q_proj, attention.k_proj, attention.v_proj, batch=batch)
        self.out = Product(attention.o_proj, batch=batch)
        self.gate_up = Product(mlp.gate_proj, mlp.up_proj, batch=batch)
        self.down = Product(mlp.down_proj, batch=batch)
        self.keys_values = torch.cat((keys, values), dim=1)
        usual = is_untouched(self.act) and not torch.is_autocast_enabled("cpu")
        self.compiled = compiled_layer(self) if usual else None

    def grow(self):
        batch, heads, length, dim = self.keys_values.shape
        longer = self.keys_values.new_empty(batch, heads, length + GROWTH, dim)
        longer[:, :, :length] = self.keys_values
        self.keys_values = longer
        self.keys, self.values = longer.chunk(2, dim=1)

    def __call__(self, hidden, cos, sin, position):
        """``hidden`` (B, C) to ``hidden`` (B, C); ``cos`` and ``sin`` (D,) of this position."""
        compiled = self.compiled
        if compiled is None:
            return self.plain(hidden, cos, sin, position)

        def cheaper():
            return compiled(hidden, cos, sin, self, position)

        if gives_the_same(compiled.key, cheaper, lambda: self.plain(hidden, cos, sin, position)):
            return cheaper()
        return self.plain(hidden, cos, sin, position)

    def plain(self, hidden, cos, sin, position):
        batch, heads = hidden.shape[0], self.heads
        qkv = self.qkv(self.before_attention(hidden))
        if self.head_dim != ROWS:
            qkv = qkv.reshape(batch, 3 * heads, self.head_dim)
        rotated = qkv.narrow(1, 0, 2 * heads)
        turned = torch.roll(rotated, self.head_dim // 2, -1)
        rotated.mul_(cos).add_(turned.mul_(sin))
        self.keys_values.select(2, position).copy_(qkv.narrow(1, heads, 2 * heads))
        attended = functional.scaled_dot_product_attention(
            qkv.narrow(1, 0, heads).unsqueeze(2),
            self.keys.narrow(2, 0, position + 1),
            self.values.narrow(2, 0, position + 1),
            scale=self.scaling,
        )
        out = self.out(attended.reshape(batch, -1))
        hidden = hidden.view(out.shape).add(out).view(batch, -1)
        gate, up = self.gate_up(self.before_mlp(hidden)).chunk(2, dim=1)
        down = self.down((self.act(gate) * up).reshape(batch, -1))
        return hidden.view(down.shape).add(down).view(batch, -1)


class Norm:
    """The library's RMS norm, as one operation where that gives the same bits."""

    def __init__(self, norm):
        self.weight, self.epsilon = norm.weight, norm.variance_epsilon
        self.norm = norm
        key = "norm", len(self.weight), self.weight.device.type, self.weight.dtype

        def probe():
            return torch.linspace(-3, 3, 2 * len(self.weight)).to(self.weight).view(2, -1)

        if gives_the_same(key, lambda: self.fused(probe()), lambda: norm(probe())):
            self.norm = self.fused

    def __call__(self, hidden):
        return self.norm(hidden)

    def fused(self, hidden):
        return functional.rms_norm(hidden, self.weight.shape, self.weight, self.epsilon)


class Product:
    """Hidden states (B, K) times the weights of one or several linears: (B, N / 64, 64)."""

    def __init__(self, *linears, batch):
        self.linears = linears
        self.weight = self.narrow = self.rest = None
        self.packed = packed_together(linears)
        if not all(is_plain(linear) for linear in linears):
            return
        weight = one_weight(linears)
        rows, columns = weight.shape
        whole = rows - rows % ROWS
        probe = weight[rows // 2 : rows // 2 + batch]
        key = len(linears), rows, columns, batch, weight.device.type, weight.dtype

        def plain():
            return torch.cat([linear(probe) for linear in linears], dim=1)

        if gives_the_same(("one", *key), lambda: functional.linear(probe, weight), plain):
            self.weight = weight
        # Two rows at most: with more, the plain product is the faster.
        if weight.device.type == "cpu" and weight.dtype == torch.float32 and batch <= 2 and whole:
            narrow = weight[:whole].view(-1, ROWS, columns).transpose(1, 2)
            rest = weight[whole:] if whole < rows else None
            threads = torch.get_num_threads()
            if gives_the_same(
                ("narrow", threads, *key), lambda: multiply(probe, narrow, rest).flatten(1), plain
            ):
                self.narrow, self.rest = narrow, rest

    def __call__(self, hidden):
        if self.narrow is not None:
            return multiply(hidden, self.narrow, self.rest)
        if self.packed is not None:
            result = int8_product(hidden, self.packed, reduce_range=True)
        elif self.weight is not None:
            result = functional.linear(hidden, self.weight)
        else:
            rows = hidden.unsqueeze(1)  # what a hook or an adapter expects to be given
            result = torch.cat([linear(rows) for linear in self.linears], dim=-1).squeeze(1)
        if result.shape[1] % ROWS:
            return result
        return result.view(len(hidden), -1, ROWS)


def multiply(hidden, narrow, rest):
    """``hidden`` (B, K) times groups of 64 rows (G, K, 64), and the rows left over (R, K) if any.

    Returns:
        (B, G, 64), or (B, 64 * G + R) where rows were left over.
    """
    result = torch.bmm(hidden.expand(len(narrow), *hidden.shape), narrow).transpose(0, 1)
    if rest is None:
        return result
    return torch.cat((result.flatten(1), functional.linear(hidden, rest)), dim=1)


def is_plain(linear):
    """A linear that is nothing but its weight: not quantised, adapted or hooked."""
    return type(linear) is nn.Linear and linear.bias is None and is_untouched(linear)


def is_untouched(linear):
    """Whether calling it is its class's own forward and nothing more."""
    return (
        "forward" not in vars(linear)
        and not linear._forward_hooks
        and not linear._forward_pre_hooks
    )


def packed_together(linears):
    """The one matrix of int8 linears that were packed as one when they were quantised, if any."""
    packs = [getattr(linear, "together", None) for linear in linears]
    as_one = packs[0] is not None and all(pack is packs[0] for pack in packs)
    if not as_one or not all(is_untouched(linear) for linear in (*linears, packs[0])):
        return None
    return packs[0]._packed_params._packed_params


def one_weight(linears):
    """The weights as one matrix. They are laid side by side once and stay views of it."""
    weights = [linear.weight for linear in linears]
    if not are_adjacent(weights):
        with torch.inference_mode(False), torch.no_grad():
            parts = torch.cat(weights).split([len(weight) for weight in weights])
            for weight, part in zip(weights, parts, strict=True):
                weight.data = part
    rows, columns = sum(len(weight) for weight in weights), weights[0].shape[1]
    return weights[0].detach().as_strided((rows, columns), (columns, 1))


def are_adjacent(weights):
    expected, storage = weights[0].data_ptr(), weights[0].untyped_storage().data_ptr()
    for weight in weights:
        if (
            weight.data_ptr() != expected
            or weight.untyped_storage().data_ptr() != storage
            or not weight.is_contiguous()
        ):
            return False
        expected += weight.numel() * weight.element_size()
    return True


def gives_the_same(key, cheaper, plain):
    """Whether two ways of computing agree to the bit; asked once of a machine."""
    if key not in _same:
        _same[key] = torch.equal(cheaper(), plain())
    return _same[key]
