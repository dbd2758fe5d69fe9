"""Runs in a worker: how fast torch does here what a generation consists of.

Products of many rows are bound by arithmetic and told in 10⁹ operations a second, a multiplication
and an addition being two; those of two rows are bound by memory and told in 10⁹ bytes of weights a
second. Shapes are those of the full model.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

TURNS = 9
ROUNDS = 5
FRAMES = 342  # of 100 speech tokens and the built-in voice, in each of two rows
WIDTH, WIDER = 256, 1024  # the feed-forward in a block of the CFM decoder
HEADS, HEAD = 8, 64  # and its attention
IN, OUT = 1024, 4096  # a product of T3
ROWS = 64  # of the weight in a narrow product
WEIGHTS = 32  # read in turn, so that no cache holds the next one


def rates(device: str) -> dict[str, float]:
    """By the names of `arithmetic` and `reading`: medians of rounds that have all of them."""
    import torch

    made = torch.Generator(device).manual_seed(0)

    def tensor(*shape: int) -> Any:
        return torch.randn(*shape, device=device, generator=made)

    with torch.inference_mode():
        works = {**arithmetic(torch, tensor, device), **reading(torch, tensor, device)}
        taken: dict[str, list[float]] = {name: [] for name in works}
        for number in range(ROUNDS + 1):
            for name, (work, _) in works.items():
                began = now(torch, device)
                for _ in range(TURNS):
                    work()
                if number:  # what is made once was made in the round before
                    taken[name].append(now(torch, device) - began)
    return {
        name: round(amount * TURNS / statistics.median(taken[name]) / 1e9, 1)
        for name, (_, amount) in works.items()
    }


Works = dict[str, tuple[Callable[[], Any], int]]
"""By name: one turn, and what it computes (operations) or reads (bytes)."""


def arithmetic(torch: Any, tensor: Callable[..., Any], device: str) -> Works:
    """A feed-forward's product and an attention of the CFM decoder; int8 has a kernel on CPUs."""
    rows, weight = tensor(2, FRAMES, WIDTH), tensor(WIDER, WIDTH)
    half, half_weight = rows.bfloat16(), weight.bfloat16()
    heads = [tensor(2, HEADS, FRAMES, HEAD) for _ in range(3)]
    linear = torch.nn.functional.linear
    attention = torch.nn.functional.scaled_dot_product_attention
    product = 2 * 2 * FRAMES * WIDTH * WIDER
    result: Works = {
        "product": (lambda: linear(rows, weight), product),
        "product_bfloat16": (lambda: linear(half, half_weight), product),
        "attention": (lambda: attention(*heads), 2 * 2 * 2 * HEADS * FRAMES**2 * HEAD),
    }
    if device == "cpu":
        int8 = quantised(torch, weight)
        result["product_int8"] = (lambda: int8(rows), product)
    return result


def reading(torch: Any, tensor: Callable[..., Any], device: str) -> Works:
    """Products of T3 as pristine, `t3_lean_step` and `t3_int8` ask for them, and only reading."""
    rows, weights = tensor(2, IN), [tensor(OUT, IN) for _ in range(WEIGHTS)]
    turn = cycle(weights)
    narrow = rows.expand(OUT // ROWS, 2, IN)
    size = weights[0].numel()
    result: Works = {
        "two_rows": (lambda: torch.nn.functional.linear(rows, next(turn)), 4 * size),
        "two_rows_narrow": (
            lambda: torch.bmm(narrow, next(turn).view(-1, ROWS, IN).transpose(1, 2)),
            4 * size,
        ),
        "read": (lambda: next(turn).sum(), 4 * size),
    }
    if device == "cpu":
        int8 = cycle([quantised(torch, weight) for weight in weights])
        result["two_rows_int8"] = (lambda: next(int8)(rows), size)
    return result


def quantised(torch: Any, weight: Any) -> Any:
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight = torch.nn.Parameter(weight, requires_grad=False)
    quantise = torch.ao.quantization.quantize_dynamic
    return quantise(torch.nn.Sequential(linear), {torch.nn.Linear})[0]


def now(torch: Any, device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
