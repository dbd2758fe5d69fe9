"""What the operations of the flow take by themselves on this CPU, beside what multiplying takes.

    python -m benchmarks.flow_parts [--write]

Every operation of the CFM decoder as `@fast-cpu` asks for it on a CPU with bfloat16 instructions,
in its full size, for 95 speech tokens in the built-in voice: its time alone, with what it needs in
the cache, times how often it runs in ten steps. What a generation's flow takes beyond the sum lies
between the operations: dispatch, cold caches, the encoder. ``--write`` puts the table into
docs/catalogue.md. Some ten seconds, alone on the machine.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.catalogue.about import ROOT, device_name

PAGE = ROOT / "docs" / "catalogue.md"
BEGIN = "<!-- flow parts: written by python -m benchmarks.flow_parts --write -->"
END = "<!-- end of flow parts -->"
FRAMES, WIDTH, INNER, WIDER, HEADS = 340, 256, 512, 1024, 8
ROWS, STEPS, BLOCKS, CONVOLUTIONS = 2, 10, 56, 30
TURNS, ROUNDS = 5, 7


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.flow_parts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--write", action="store_true")
    text = table()
    if parser.parse_args().write:
        before, rest = PAGE.read_text("utf-8").split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")
    print(text)


def table() -> str:
    import torch

    lines = ["| operation | times a step | in ten steps, s | Gop/s |", "|---|---|---|---|"]
    total_s, total = 0.0, 0
    with torch.inference_mode():
        for name, (act, times, operations) in parts(torch).items():
            seconds = alone(act) * times * STEPS
            done = operations * times * STEPS
            total_s, total = total_s + seconds, total + done
            rate = f"{done / seconds / 1e9:.0f}" if done else ""
            lines.append(f"| {name} | {times} | {seconds:.3f} | {rate} |")
    lines.append(f"| all | | {total_s:.2f} | {total / total_s / 1e9:.0f} |")
    date, device = datetime.date.today().isoformat(), device_name("cpu")
    return "\n".join([*lines, "", f"{date}; {device}; torch {torch.__version__}."])


Part = tuple[Callable[[], Any], int, int]
"""An operation, how often it runs in a step, and its multiplications and additions."""


def parts(torch: Any) -> dict[str, Part]:
    functional = torch.nn.functional
    attend = half_attention().attend

    def half(*shape: int) -> Any:
        return torch.randn(*shape).bfloat16()

    states, inner, wider = (half(ROWS, FRAMES, each) for each in (WIDTH, INNER, WIDER))
    full, channels = torch.randn(ROWS, FRAMES, WIDTH), torch.randn(ROWS, WIDTH, FRAMES)
    to_inner, to_wider = half(INNER, WIDTH), half(WIDER, WIDTH)
    from_inner, from_wider = half(WIDTH, INNER), half(WIDTH, WIDER)
    kernel, padded = half(WIDTH, WIDTH, 3), half(ROWS, WIDTH, FRAMES + 2)
    norm = torch.nn.LayerNorm(WIDTH)
    product = 2 * ROWS * FRAMES * WIDTH
    linear = functional.linear
    return {
        "query, key, value": (lambda: linear(states, to_inner), 3 * BLOCKS, product * INNER),
        "attention": (
            lambda: attend(inner, inner, inner, HEADS), BLOCKS, 4 * ROWS * FRAMES**2 * INNER,
        ),
        "its output": (lambda: linear(inner, from_inner), BLOCKS, product * INNER),
        "feed-forward, out": (lambda: linear(states, to_wider), BLOCKS, product * WIDER),
        "gelu": (lambda: functional.gelu(wider), BLOCKS, 0),
        "feed-forward, back": (lambda: linear(wider, from_wider), BLOCKS, product * WIDER),
        "norms": (lambda: norm(full), 2 * BLOCKS, 0),
        "casts": (full.bfloat16, 2 * BLOCKS + CONVOLUTIONS, 0),
        "sums": (lambda: full + states, 2 * BLOCKS, 0),
        "convolutions": (
            lambda: functional.conv1d(padded, kernel), CONVOLUTIONS, product * WIDTH * 3,
        ),
        "their norms": (
            lambda: functional.mish(norm(channels.transpose(1, 2)).transpose(1, 2)),
            CONVOLUTIONS, 0,
        ),
    }  # fmt: skip


def half_attention() -> Any:
    """The module that `cfm_attn_half` adds to the target."""
    path = ROOT / "patches" / "cfm_attn_half" / "half_attention.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def alone(act: Callable[[], Any]) -> float:
    """Median seconds of a turn; the first round is not counted."""
    seconds = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for _ in range(TURNS):
            act()
        seconds.append((time.perf_counter() - began) / TURNS)
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    main()
