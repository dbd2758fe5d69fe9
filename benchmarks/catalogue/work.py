"""Runs in a worker, on pristine: what a generation has to read and compute, without a clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.catalogue.fixed_work import test_of

if TYPE_CHECKING:
    from patcher.targets.chatterbox.serving import ChatterboxSession


def work(session: ChatterboxSession, tokens: int) -> dict[str, Any]:
    """Operations by stage (a multiplication and an addition are two) of so many tokens' generation.

    Which tokens they are changes nothing: the flow gets the first ones of its vocabulary.

    Returns:
        ``mel`` and ``vocoder``: operations. ``speech_tokens``: ``tokens`` drawn, ``weights`` read
        for each, ``cached`` keys and values read for all of them, and operations of the ``prompt``.
    """
    torch, t3, s3gen = session.torch, session.speaker.t3, session.speaker.s3gen
    positions, prompt = prompted(session)
    speech = torch.arange(tokens, device=session.device)
    with torch.inference_mode():
        with operations() as flow:
            voice = dict(session.built_in.gen)
            mel = s3gen.flow_inference(speech, ref_dict=voice, finalize=True)
        with operations() as vocoder:
            s3gen.hift_inference(mel, None)
    return {
        "speech_tokens": {
            "tokens": tokens,
            "weights": sum(each.numel() for each in (*t3.tfmr.parameters(), t3.speech_head.weight)),
            "cached": cached(t3.cfg, positions, tokens),
            "prompt": prompt,
        },
        "mel": flow.total,
        "vocoder": vocoder.total,
    }


def cached(config: Any, prompt: int, tokens: int) -> int:
    """Keys and values that the attention of all steps reads, in both rows."""
    positions = sum(prompt + number for number in range(tokens))
    return int(2 * 2 * config.num_hidden_layers * config.hidden_size * positions)


def prompted(session: ChatterboxSession) -> tuple[int, int]:
    """Positions of T3's prompt, and the operations of its pass: that of a single token's call."""
    t3 = session.speaker.t3
    infer, decode = t3.inference, t3.tfmr.forward
    positions: list[int] = []
    counts: list[int] = []

    def counted(**named: Any) -> Any:
        with operations() as counter:
            made = infer(**named)
        counts.append(counter.total)
        return made

    def noted(*given: Any, **named: Any) -> Any:
        positions.append(named["inputs_embeds"].shape[1])
        return decode(*given, **named)

    t3.inference, t3.tfmr.forward = counted, noted
    try:
        session.run(test_of(1), capture=False)
    finally:
        t3.inference, t3.tfmr.forward = infer, decode
    return positions[0], counts[0]


@contextlib.contextmanager
def operations() -> Iterator[Any]:
    """Count with torch's own formulas; its counter follows modules, which inference mode forbids.

    What has no formula is taken apart first: under inference mode `linear` comes whole. The
    formulas do not know the attention of a CPU, which is added.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry, sdpa_flop_count

    class Counter(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(
            self, function: Any, _types: Any, given: Any = (), named: Any = None
        ) -> Any:
            named = named or {}
            if function._overloadpacket not in formulas:
                with self:
                    parts = function.decompose(*given, **named)
                if parts is not NotImplemented:
                    return parts
            result = function(*given, **named)
            if formula := formulas.get(function._overloadpacket):
                self.total += formula(*given, **named, out_val=result)
            return result

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(query.shape, key.shape, value.shape))

    of_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    formulas = {**flop_registry, of_cpu: attention}
    with Counter() as counter:
        yield counter


def memory_mib(_session: ChatterboxSession) -> dict[str, float]:
    """Memory of this process: resident now, of that its own (not a file's), and its peak."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    fields = {"resident": "VmRSS", "own": "RssAnon", "peak": "VmHWM"}
    return {
        name: round(int(status.get(field, "0 kB").split()[0]) / 1024, 1)
        for name, field in fields.items()
    }
