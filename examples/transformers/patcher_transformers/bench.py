"""What of transformers is run: a tiny Llama with random weights, in use and in training.

Nothing is downloaded: the weights are drawn from a seed.
"""

import random

import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY = 256


def setup():
    """One model a process: made once, outside what is timed.

    One thread: two gain nothing on a model this small, and where other programs run each waits for
    the other.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=172,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
    )
    return LlamaForCausalLM(config).eval()


def tokens(length, seed):
    """A drawn prompt (1, length)."""
    rng = random.Random(seed)
    return torch.tensor([[rng.randrange(VOCABULARY) for _ in range(length)]])


def prompt(model, length=384, seed=1):
    """The logits that a prompt ends in, of its last eight tokens."""
    with torch.no_grad():
        return model(tokens(length, seed)).logits[:, -8:]


def generate(model, length=256, seed=1):
    """Twelve tokens more, the likeliest each time."""
    ids = tokens(length, seed)
    return model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=0
    )


def training(model, length=192, seed=1):
    """The loss of a prompt, and the gradient of the first layer's query weights."""
    model.zero_grad()
    ids = tokens(length, seed)
    loss = model(ids, labels=ids).loss
    loss.backward()
    gradient = model.model.layers[0].self_attn.q_proj.weight.grad.clone()
    model.zero_grad()
    return loss.detach(), gradient


def draw(rng):
    """Arguments that nobody could know."""
    return {"length": rng.randrange(128, 768), "seed": rng.randrange(1 << 30)}
