"""A decorator on a coroutine covers its creation, not its body."""

import asyncio

import torch


@torch.no_grad()
async def make():
    return torch.zeros(2)


def run():
    x = asyncio.run(make())
    x += 1
