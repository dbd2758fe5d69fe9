"""Self-attention as two bfloat16 products a head, for a CPU that has the instructions.

torch's own attention runs on such a CPU in blocks that are too small for its products. A few heads
at a time keep the scores in the cache, and each product is one large one. A softmax is the same
whatever is taken from its row before the exponential; nothing is, where nothing is too large.
"""

import torch

SCORES = 1 << 21  # bytes held at once: with more, the softmax waits for memory
SMALL, LARGE = 1e-30, 1e30  # a row's exponentials add up to something between, or are shifted first


class HalfAttention:
    """Called as the processor it stands for, and leaves to it all that it does not know."""

    def __init__(self, plain):
        self.plain = plain

    def __call__(self, attention, hidden_states, attention_mask=None, **options):
        known = (
            attention_mask is None
            and all(option is None for option in options.values())
            and is_simple(attention)
            and hidden_states.dim() == 3
            and hidden_states.device.type == "cpu"
            and torch.cpu._is_avx512_bf16_supported()
            and not torch.is_grad_enabled()
        )
        if not known:
            return self.plain(attention, hidden_states, attention_mask=attention_mask, **options)
        result = attend(
            attention.to_q(hidden_states) * attention.scale,
            attention.to_k(hidden_states),
            attention.to_v(hidden_states),
            attention.heads,
        )
        for layer in attention.to_out:
            result = layer(result)
        return result


def is_simple(attention):
    """Nothing but the three products, the attention and what follows it."""
    return (
        attention.group_norm is None
        and attention.spatial_norm is None
        and not attention.residual_connection
        and attention.rescale_output_factor == 1
    )


def attend(query, key, value, heads):
    """Attention of every frame to every frame; the query is scaled.

    Args:
        query, key, value: (B, T, heads * D), of any floating type.

    Returns:
        (B, T, heads * D), of the type of `query`. A head's scores, their exponentials and the sum
        of those are rounded to bfloat16; what adds up does so in float32.
    """
    batch, frames, channels = query.shape

    def by_head(states):
        states = states.bfloat16().view(batch, frames, heads, -1)
        return states.transpose(1, 2).reshape(batch * heads, frames, -1)

    query_heads, key_heads, value_heads = by_head(query), by_head(key), by_head(value)
    attended = torch.empty_like(query_heads)
    at_once = max(1, min(batch * heads, SCORES // (2 * frames * frames)))
    scores = query_heads.new_empty(at_once, frames, frames)
    for start in range(0, batch * heads, at_once):
        part = slice(start, start + at_once)
        attend_heads(query_heads[part], key_heads[part], value_heads[part], scores, attended[part])
    attended = attended.view(batch, heads, frames, -1).transpose(1, 2)
    return attended.reshape(batch, frames, channels).to(query.dtype)


def attend_heads(query, key, value, scores, attended):
    """(H, T, D) in bfloat16 each, `scores` (H or more, T, T); `attended` takes the result."""
    scores = torch.bmm(query, key.transpose(1, 2), out=scores[: len(query)])
    sums = scores.exp_().sum(dim=-1, keepdim=True)  # added up in float32, without a copy in it
    least, most = sums.aminmax()
    if least > SMALL and most < LARGE:  # not so with a NaN either
        torch.bmm(scores, value, out=attended)
        attended.div_(sums)
    else:
        torch.bmm(query, key.transpose(1, 2), out=scores)
        torch.bmm(torch.softmax(scores, dim=-1), value, out=attended)
