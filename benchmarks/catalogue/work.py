"""Runs in a worker, on pristine: what a generation has to read and compute, without a clock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.catalogue.fixed_work import CALLS, test_of

if TYPE_CHECKING:
    from patcher.targets.chatterbox.serving import ChatterboxSession


def work(session: ChatterboxSession, tokens: int) -> dict[str, Any]:
    """Operations by stage (a multiplication and an addition are two) of so many tokens' generation.

    Returns:
        ``mel`` and ``vocoder``: operations. ``speech_tokens``: ``tokens`` drawn, ``weights`` read
        for each, ``cached`` keys and values read for all of them, and operations of the ``prompt``.
    """
    longer, shorter = counted(session, tokens), counted(session, 1)
    t3 = session.speaker.t3
    return {
        "speech_tokens": {
            "tokens": tokens,
            "weights": sum(each.numel() for each in (*t3.tfmr.parameters(), t3.speech_head.weight)),
            "cached": cached(t3.cfg, longer["prompt"], tokens),
            "prompt": shorter["speech_tokens"],
        },
        "mel": longer["mel"],
        "vocoder": longer["vocoder"],
    }


def cached(config: Any, prompt: int, tokens: int) -> int:
    """Keys and values that the attention of all steps reads, in both rows."""
    positions = sum(prompt + number for number in range(tokens))
    return int(2 * 2 * config.num_hidden_layers * config.hidden_size * positions)


def counted(session: ChatterboxSession, tokens: int) -> dict[str, int]:
    """Operations of each stage of a generation, and the positions of T3's ``prompt``."""
    result: dict[str, int] = {}
    with contextlib.ExitStack() as undo:
        for stage, (owner, method) in CALLS.items():
            part = getattr(session.speaker, owner)
            watched(undo, part, method, counting(result, stage))
        watched(undo, session.speaker.t3.tfmr, "forward", first_positions(result))
        session.run(test_of(tokens), capture=False)
    return result


Around = Callable[[Callable[..., Any]], Callable[..., Any]]


def watched(undo: contextlib.ExitStack, owner: Any, method: str, around: Around) -> None:
    call = getattr(owner, method)
    setattr(owner, method, around(call))
    undo.callback(setattr, owner, method, call)


def counting(result: dict[str, int], stage: str) -> Around:
    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def counts(*given: Any, **named: Any) -> Any:
            with operations() as counter:
                made = call(*given, **named)
            result[stage] = counter.get_total_flops()
            return made

        return counts

    return around


def first_positions(result: dict[str, int]) -> Around:
    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def notes(*given: Any, **named: Any) -> Any:
            result.setdefault("prompt", named["inputs_embeds"].shape[1])
            return call(*given, **named)

        return notes

    return around


@contextlib.contextmanager
def operations() -> Iterator[Any]:
    """torch's own counter, which does not know the attention of a CPU."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    of_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    with FlopCounterMode(display=False, custom_mapping={of_cpu: attention}) as counter:
        yield counter


def peak_mib(_session: ChatterboxSession) -> float:
    """The most memory this process has had resident."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next((line for line in lines if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return round(int(peak.split()[1]) / 1024, 1)
