"""One-token steps of a Llama decoder in shapes that do not change: a GPU replays them as one graph.

Keys and values lie in buffers of a bucket's size; positions that are not filled yet are masked. The
position is a tensor, and nothing of a step depends on a number in Python. Buffers and recorded
graphs are kept with the backend and are used again by the next utterance, not by two at a time.
"""

import weakref
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional

BUCKET = 256  # positions
KEPT = 4  # buckets a backend keeps between utterances, the newest
WARM_UPS = 2


def static_steps(steps, backend, first_position):
    """The lean steps; as a graph where the device can replay one and the decoder is plain."""
    record = recorder(steps.blocks[0].keys_values.device)
    products = [part for block in steps.blocks for part in (block.qkv, block.out)]
    products += [part for block in steps.blocks for part in (block.gate_up, block.down)]
    linears = [linear for product in products for linear in product.linears]
    # An adapter, a hook or an int8 layer may do anything at a call; a graph would not call it.
    if record is None or not all(is_plain(linear) for linear in linears):
        return steps
    return StaticSteps(backend, steps, first_position, record)


def is_plain(linear):
    """A linear that is nothing but its weight: not quantised, adapted or hooked."""
    return (
        type(linear) is nn.Linear
        and linear.bias is None
        and "forward" not in vars(linear)
        and not linear._forward_hooks
        and not linear._forward_pre_hooks
    )


def recorder(device):
    """What turns a function without arguments into its replay, or None where nothing does."""
    return recorded if device.type == "cuda" else None


def recorded(step):
    """A CUDA graph of ``step``; its output is one tensor that every replay overwrites."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = step()

    def replay():
        graph.replay()
        return output

    return replay


class StaticSteps:
    """The steps of one utterance."""

    def __init__(self, backend, steps, position, record):
        self.backend, self.steps, self.record = backend, steps, record
        self.position = position
        self.filled = [block.keys_values for block in steps.blocks]
        self.bucket = None

    def __call__(self, inputs_embeds, **_):
        """The backend's keywords say what to keep of the layers: nothing is kept here."""
        if self.bucket is None or self.position == self.bucket.size:
            self.move(inputs_embeds)
        bucket = self.bucket
        bucket.input.copy_(inputs_embeds)
        bucket.position.fill_(self.position)
        if bucket.replay is None:
            bucket.replay = self.record(bucket.step)
        logits = bucket.replay()
        self.position += 1
        return SimpleNamespace(logits=logits, past_key_values=None)

    def move(self, like):
        """Into a bucket with room for this position, with all keys and values so far."""
        size = self.position - self.position % BUCKET + BUCKET
        bucket = taken(self.backend, self.steps, size, like) or Bucket(self.steps, size, like)
        for buffer, filled in zip(bucket.keys_values, self.filled, strict=True):
            buffer[:, :, : self.position] = filled[:, :, : self.position]
        if self.bucket is not None:
            self.bucket.user = None
        self.bucket, self.filled = bucket, bucket.keys_values
        bucket.user = weakref.ref(self)
        keep(self.backend, bucket)


class Bucket:
    """Buffers of one size, and the graph that was recorded on them."""

    def __init__(self, steps, size, like):
        self.size, self.replay, self.key = size, None, key_of(steps, size, like)
        self.user = None  # the utterance it is used by, weakly: a bucket is free when that is gone
        self.blocks, self.norm, self.head = steps.blocks, steps.norm, steps.head
        # What is not filled is masked, but a mask does not take away a NaN.
        self.keys_values = [
            block.keys_values.new_zeros(*block.keys_values.shape[:2], size, block.head_dim)
            for block in steps.blocks
        ]
        self.input = torch.zeros_like(like)
        self.position = torch.zeros(1, dtype=torch.long, device=like.device)
        self.places = torch.arange(size, device=like.device)
        cos, sin = steps.decoder.rotary_emb(like, self.places[None])
        half = sin.shape[-1] // 2
        self.cos, self.sin = cos[0], torch.cat((-sin[0, :, :half], sin[0, :, half:]), dim=-1)

    def step(self):
        """Logits (B, 1, V) of what lies in ``input`` (B, 1, C) at ``position``."""
        batch = self.input.shape[0]
        hidden = self.input.view(batch, -1)
        cos, sin = self.cos[self.position], self.sin[self.position]
        mask = (self.places <= self.position).view(1, 1, 1, -1)
        for block, keys_values in zip(self.blocks, self.keys_values, strict=True):
            hidden = self.through(block, keys_values, hidden, cos, sin, mask)
        return self.head(self.norm(hidden)).reshape(batch, 1, -1)

    def through(self, block, keys_values, hidden, cos, sin, mask):
        batch, heads, dim = len(hidden), block.heads, block.head_dim
        qkv = block.qkv(block.before_attention(hidden)).reshape(batch, 3 * heads, dim)
        rotated = qkv.narrow(1, 0, 2 * heads)
        rotated = rotated * cos + torch.roll(rotated, dim // 2, -1) * sin
        fresh = torch.cat((rotated.narrow(1, heads, heads), qkv.narrow(1, 2 * heads, heads)), 1)
        keys_values.index_copy_(2, self.position, fresh.unsqueeze(2))
        keys, values = keys_values.chunk(2, dim=1)
        query = rotated.narrow(1, 0, heads).unsqueeze(2)
        attended = functional.scaled_dot_product_attention(
            query, keys, values, attn_mask=mask, scale=block.scaling
        )
        hidden = hidden + block.out(attended.reshape(batch, -1)).reshape(hidden.shape)
        gate, up = block.gate_up(block.before_mlp(hidden)).reshape(batch, -1).chunk(2, dim=1)
        return hidden + block.down(block.act(gate) * up).reshape(hidden.shape)


def key_of(steps, size, like):
    """What a graph is bound to: the size, the batch, and where the weights lie."""
    weights = [block.qkv.linears[0].weight.data_ptr() for block in steps.blocks]
    return size, tuple(like.shape), like.dtype, str(like.device), tuple(weights)


def taken(backend, steps, size, like):
    """A free bucket of the pool that fits, no longer in it; None where there is none."""
    pool, key = vars(backend).get("static_buckets", {}), key_of(steps, size, like)
    bucket = pool.pop(key, None)
    if bucket is None or bucket.user is None or bucket.user() is None:
        return bucket
    pool.setdefault(key, bucket)
    return None


def keep(backend, bucket):
    """Put a bucket into the pool, as its newest; the oldest ones are let go of."""
    pool = vars(backend).setdefault("static_buckets", {})
    pool[bucket.key] = bucket
    for key in list(pool)[: max(0, len(pool) - KEPT)]:
        pool.pop(key, None)
