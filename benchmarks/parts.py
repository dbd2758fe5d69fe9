"""Where time goes: torch's profile of the CFM solver or of a T3 step at full size, by operations.

    python -m benchmarks.parts flow|t3 [--write PLACE] [SUBJECT ...]

Pristine and `@fast-cpu`, or what is named, each in a process of its own on its own tree, with
random weights. ``flow``: the solver alone, ten steps for 95 speech tokens in the built-in voice.
``t3``: 40 tokens after 150 positions. The whole is timed without the profiler. ``--write`` puts the
table into docs/catalogue.md, at the place of that name. Half a minute a subject, alone on the
machine.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.catalogue.about import ROOT, device_name
from benchmarks.catalogue.trees import PRISTINE, Target
from patcher.execution.machine import usable_processors

PAGE = ROOT / "docs" / "catalogue.md"
BEGIN = "<!-- parts: written by python -m benchmarks.parts {part} --write {place} -->"
END = "<!-- end of {part} {place} -->"
FRAMES, STEPS, ROUNDS = 340, 10, 3
POSITIONS, TOKENS = 150, 40
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
T3_KINDS = {
    "attention": ("scaled_dot_product", "_flash_attention", "softmax"),
    "products": ("addmm", "mm", "linear_dynamic"),
    "norms": ("norm", "pow", "rsqrt", "mean"),
    "silu": ("silu",),
    "sums and rotations": ("add", "mul", "roll", "neg", "cos", "sin"),
    "copies and concatenations": ("copy", "cat", "fill", "clone", "index"),
}
REST = "the rest, dispatch included"
Profile = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.parts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("part", choices=[*WORKS])
    parser.add_argument("subjects", nargs="*", default=[PRISTINE, "@fast-cpu"])
    parser.add_argument("--write", metavar="PLACE", help="a processor's place in the page")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.here:
        print(json.dumps(profiled(settings.part)))
        return
    part = settings.part
    text = table(part, {name: profile_of(part, name) for name in settings.subjects})
    if settings.write:
        place = settings.write
        begin, end = BEGIN.format(part=part, place=place), END.format(part=part, place=place)
        before, rest = PAGE.read_text("utf-8").split(begin)
        after = rest.split(end)[1]
        PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", "utf-8")
    print(text)


def profile_of(part: str, name: str) -> Profile:
    """Profile one subject in a process that imports the target from its tree."""
    target = Target()
    (subject,) = [each for each in target.subjects([name]) if each.name == name]
    with target.frozen(subject) as tree:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.parts", part, "--here"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tree.path), str(ROOT)))},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    result: Profile = json.loads(done.stdout.splitlines()[-1])
    return result


def profiled(part: str, rounds: int = ROUNDS) -> Profile:
    """Seconds of a step, its page faults, and seconds and calls by kind, in this process."""
    import resource

    import torch
    from torch.profiler import ProfilerActivity, profile

    torch.set_num_threads(usable_processors())
    make, steps, kinds = WORKS[part]
    work = make(torch, steps)
    work()
    seconds, faults = [], []
    for _ in range(rounds):
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    with profile(activities=[ProfilerActivity.CPU]) as events:
        work()
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event in events.key_averages():
        kind = kind_of(event.key, kinds)
        spent[kind] += event.self_cpu_time_total
        calls[kind] += event.count if kind != REST else 0
    return {
        "seconds": statistics.median(seconds),
        "faults": statistics.median(faults),
        "spent_s": {kind: spent[kind] / 1e6 for kind in (*kinds, REST)},
        "calls": {kind: round(calls[kind] / steps, 1) for kind in kinds},
    }


def solver(torch: Any, steps: int, frames: int = FRAMES) -> Any:
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


def decoder(torch: Any, steps: int) -> Any:
    """So many tokens of the target's own T3 with random weights, as this tree decodes them."""
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.inference.t3_hf_backend import T3HuggingfaceBackend

    torch.manual_seed(0)
    t3 = T3().eval()
    if quantise := optional("chatterbox.models.t3.inference.int8", "quantise"):
        quantise(t3.tfmr)
    backend = T3HuggingfaceBackend(
        t3.cfg, t3.tfmr, speech_enc=t3.speech_emb, speech_head=t3.speech_head
    )
    lean_steps = optional("chatterbox.models.t3.inference.lean_step", "lean_steps")
    prompt, token = torch.randn(2, POSITIONS, 1024), torch.randn(2, 1, 1024)
    keywords = {"output_attentions": lean_steps is None, "output_hidden_states": lean_steps is None}

    @torch.inference_mode()
    def decode() -> None:
        past = backend(
            inputs_embeds=prompt, past_key_values=None, use_cache=True, return_dict=True
        ).past_key_values
        step = lean_steps(backend, past, POSITIONS) if lean_steps else backend
        for _ in range(steps):
            output = step(inputs_embeds=token, past_key_values=past, return_dict=True, **keywords)
            past = output.past_key_values

    return decode


def optional(module: str, name: str) -> Any:
    """Something that a patch adds, or None where the tree is without it."""
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError:
        return None


def allocator() -> Any:
    """What `freed_memory_kept` calls at a generation, where the tree has it."""
    keep = optional("chatterbox.models.s3gen.memory", "keep_freed_memory")
    return keep or (lambda device: None)


def kind_of(operation: str, kinds: Mapping[str, Sequence[str]] = KINDS) -> str:
    name = operation.rpartition("::")[2]
    fits = (kind for kind, parts in kinds.items() if any(part in name for part in parts))
    return next(fits, REST)


def table(part: str, profiles: dict[str, Profile]) -> str:
    head = " | ".join(f"`{name}`: s | calls a step" for name in profiles)
    lines = [f"| in {WORKS[part][1]} steps | {head} |", "|---|" + "--:|--:|" * len(profiles)]
    for kind in (*WORKS[part][2], REST):
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


WORKS: Mapping[str, tuple[Any, int, Mapping[str, Sequence[str]]]] = {
    "flow": (solver, STEPS, KINDS),
    "t3": (decoder, TOKENS, T3_KINDS),
}


if __name__ == "__main__":
    main()
