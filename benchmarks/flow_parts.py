"""Where the flow's time goes: torch's profile of the CFM solver at full size, by operations.

    python -m benchmarks.flow_parts [--write] [SUBJECT ...]

Pristine and `@fast-cpu`, or what is named, each in a process of its own on its own tree: the
solver alone with random weights, ten steps for 95 speech tokens in the built-in voice. The whole is
timed without the profiler. ``--write`` puts the table into docs/catalogue.md. Half a minute a
subject, alone on the machine.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from benchmarks.catalogue.about import ROOT, device_name
from benchmarks.catalogue.trees import PRISTINE, Target
from patcher.execution.machine import usable_processors

PAGE = ROOT / "docs" / "catalogue.md"
BEGIN = "<!-- flow parts: written by python -m benchmarks.flow_parts --write -->"
END = "<!-- end of flow parts -->"
FRAMES, STEPS, ROUNDS = 340, 10, 3
KINDS = {
    "softmax": ("softmax", "exp_", "sum", "aminmax", "div"),
    "products of attention": ("bmm", "scaled_dot_product", "_flash_attention"),
    "linears": ("addmm", "mm", "_linear_pointwise", "linear_dynamic"),
    "convolutions": ("convolution",),
    "norms": ("norm",),
    "mish and gelu": ("mish", "gelu"),
    "sums and masks": ("add", "mul"),
    "copies, casts and padding": ("copy", "cat", "pad", "fill", "clone"),
}
"""Kinds by what is in an operation's name; the first that fits."""
REST = "the rest, dispatch included"
Profile = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.flow_parts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("subjects", nargs="*", default=[PRISTINE, "@fast-cpu"])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.here:
        print(json.dumps(profiled()))
        return
    text = table({name: profile_of(name) for name in settings.subjects})
    if settings.write:
        before, rest = PAGE.read_text("utf-8").split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")
    print(text)


def profile_of(name: str) -> Profile:
    """Profile one subject in a process that imports the target from its tree."""
    target = Target()
    (subject,) = [each for each in target.subjects([name]) if each.name == name]
    with target.frozen(subject) as tree:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.flow_parts", "--here"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tree.path), str(ROOT)))},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    result: Profile = json.loads(done.stdout.splitlines()[-1])
    return result


def profiled(frames: int = FRAMES, steps: int = STEPS, rounds: int = ROUNDS) -> Profile:
    """Seconds of a solve, its page faults, and seconds and calls by kind, in this process."""
    import resource

    import torch
    from torch.profiler import ProfilerActivity, profile

    torch.set_num_threads(usable_processors())
    solve = solver(torch, frames, steps)
    solve()
    seconds, faults = [], []
    for _ in range(rounds):
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
        solve()
        seconds.append(time.perf_counter() - began)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    with profile(activities=[ProfilerActivity.CPU]) as events:
        solve()
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event in events.key_averages():
        kind = kind_of(event.key)
        spent[kind] += event.self_cpu_time_total
        calls[kind] += event.count if kind != REST else 0
    return {
        "seconds": statistics.median(seconds),
        "faults": statistics.median(faults),
        "spent_s": {kind: spent[kind] / 1e6 for kind in (*KINDS, REST)},
        "calls": {kind: calls[kind] / steps for kind in KINDS},
    }


def solver(torch: Any, frames: int, steps: int) -> Any:
    """Ten steps of the target's own solver, as S3Gen builds it, with random weights."""
    from chatterbox.models.s3gen.s3gen import CausalConditionalCFM, ConditionalDecoder

    keep = allocator()
    torch.manual_seed(0)
    estimator = ConditionalDecoder(
        in_channels=320, out_channels=80, causal=True, channels=[256], dropout=0.0,
        attention_head_dim=64, n_blocks=4, num_mid_blocks=12, num_heads=8, act_fn="gelu",
    )  # fmt: skip
    cfm = CausalConditionalCFM(spk_emb_dim=80, estimator=estimator).eval()
    mu, condition = torch.randn(2, 1, 80, frames).unbind()
    mask, speaker = torch.ones(1, 1, frames), torch.randn(1, 80)

    def solve() -> None:
        keep(mu.device)
        cfm(mu.clone(), mask, steps, spks=speaker, cond=condition)

    return solve


def allocator() -> Any:
    """What `freed_memory_kept` calls at a generation, where the tree has it."""
    try:
        from chatterbox.models.s3gen.memory import keep_freed_memory
    except ImportError:
        return lambda device: None
    return keep_freed_memory


def kind_of(operation: str) -> str:
    name = operation.rpartition("::")[2]
    fits = (kind for kind, parts in KINDS.items() if any(part in name for part in parts))
    return next(fits, REST)


def table(profiles: dict[str, Profile]) -> str:
    head = " | ".join(f"`{name}`: s | calls a step" for name in profiles)
    lines = [f"| in ten steps | {head} |", "|---|" + "--:|--:|" * len(profiles)]
    for kind in (*KINDS, REST):
        cells = (
            f"{each['spent_s'][kind]:.2f} | {each['calls'].get(kind, '')}"
            for each in profiles.values()
        )
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    whole = (f"{each['seconds']:.2f} |" for each in profiles.values())
    lines.append(f"| all, without the profiler | {' | '.join(whole)} |")
    faults = (f"{each['faults']:,.0f} |" for each in profiles.values())
    lines.append(f"| pages the system clears | {' | '.join(faults)} |")
    import torch

    date, device = datetime.date.today().isoformat(), device_name("cpu")
    return "\n".join([*lines, "", f"{date}; {device}; torch {torch.__version__}."])


if __name__ == "__main__":
    main()
