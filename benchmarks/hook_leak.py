"""Generations of the multilingual T3, one after the other, with `mtl_hook_leak_fix` and without it.

    python -m benchmarks.hook_leak [--generations 150] [--write]

The original adds three forward hooks at every call and takes none off. Both trees run in a process
of their own, in turn, generation by generation, so that what else the machine does meets both.
Times are of the processor, not of the clock, on one thread. The model is the package's own T3 with
14 layers of 16 heads (its analyser hooks layers 9, 12 and 13), its weights untrained and few, so
that the hooks are a good part of the work. The table goes to the terminal; ``--write`` puts it into
``docs/catalogue.md``, with date, versions and processor.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.worker_process import answer, start

PAGE = Path(__file__).resolve().parents[1] / "docs" / "catalogue.md"
BEGIN = "<!-- hook leak: written by python -m benchmarks.hook_leak --write -->"
END = "<!-- end of hook leak -->"
ARMS = {"pristine": (), "mtl_hook_leak_fix": ("mtl_hook_leak_fix",)}
TOKENS = 40
ANALYSER = "AlignmentStreamAnalyzer"
STEP = 25  # generations a row
SIZE = {
    "num_hidden_layers": 14,
    "hidden_size": 64,
    "intermediate_size": 8,
    "head_dim": 2,
    "num_key_value_heads": 1,
}

Samples = Sequence[Mapping[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.hook_leak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--generations", type=int, default=150)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker()
        return
    arms, facts = measured(options.generations)
    text = "\n".join(table(arms, facts))
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def measured(generations: int) -> tuple[dict[str, Samples], str]:
    """Every generation of both arms, and what they ran on."""
    from benchmarks.catalogue.trees import Subject, Target

    target = Target()
    samples: dict[str, list[Mapping[str, float]]] = {name: [] for name in ARMS}
    facts = ""
    with ExitStack() as stack:
        workers = {}
        for name, patches in ARMS.items():
            series = tuple(target.catalogue.get(patch) for patch in patches)
            tree = stack.enter_context(target.frozen(Subject(name, series)))
            workers[name] = stack.enter_context(start(__file__, tree.path, "--worker"))
            facts = str(answer(workers[name])["facts"])
        for _ in range(generations):
            for name, process in workers.items():
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
                samples[name].append(answer(process))
        for process in workers.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
    return {name: tuple(each) for name, each in samples.items()}, facts


def worker() -> None:
    """Generate once a line of input, and say what it took and what was left behind."""
    import logging

    logging.disable()
    import torch
    import transformers
    from chatterbox.models.t3 import T3, llama_configs
    from chatterbox.models.t3.modules.cond_enc import T3Cond
    from chatterbox.models.t3.modules.t3_config import T3Config

    torch.set_num_threads(1)
    llama_configs.LLAMA_CONFIGS["Llama_520M"].update(SIZE)
    config = T3Config.multilingual()
    config.use_perceiver_resampler = False  # made for the published width alone
    config.speech_tokens_dict_size = 1026
    config.start_speech_token, config.stop_speech_token = 1024, 1025
    torch.manual_seed(0)
    t3 = T3(config).eval()
    text = torch.randint(10, 200, (2, 12))
    text[:, 0], text[:, -1] = t3.hp.start_text_token, t3.hp.stop_text_token
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    print(json.dumps({"facts": f"{versions}, CPU, one thread"}), flush=True)
    for number, _ in enumerate(sys.stdin, 1):
        condition = T3Cond(
            speaker_emb=torch.ones(1, 256),
            cond_prompt_speech_tokens=torch.arange(12)[None],
            emotion_adv=0.5 * torch.ones(1, 1, 1),
        )
        torch.manual_seed(3)
        begun = time.process_time()
        tokens = t3.inference(t3_cond=condition, text_tokens=text, max_new_tokens=TOKENS)
        took = time.process_time() - begun
        if tokens.shape[-1] != TOKENS:
            raise RuntimeError(f"{tokens.shape[-1]} of {TOKENS} tokens: the figures do not compare")
        left = left_behind(t3) if number % STEP == 0 else {}
        print(json.dumps({"ms": 1000 * took, **left}), flush=True)


def left_behind(t3: Any) -> dict[str, float]:
    """Hooks on the model, analysers that are still alive, and the KiB of tensors they hold."""
    gc.collect()
    analysers = [each for each in gc.get_objects() if type(each).__name__ == ANALYSER]
    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for each in analysers
        for tensor in (each.alignment, *each.last_aligned_attns)
    }
    return {
        "hooks": sum(len(part._forward_hooks) for part in t3.tfmr.modules()),
        "analysers": len(analysers),
        "kib": sum(storages.values()) / 1024,
    }


def table(arms: Mapping[str, Samples], facts: str) -> Iterator[str]:
    """A row for each 25 generations: medians of the processor's time, and what is left behind."""
    from benchmarks.catalogue.about import device_name

    yield (
        "| generations | "
        + " | ".join(f"{name}: ms each, hooks, analysers, KiB they hold" for name in arms)
        + " | ratio |"
    )
    yield "|---|" + "---|" * (len(arms) + 1)
    count = len(next(iter(arms.values())))
    for first in range(0, count - STEP + 1, STEP):
        cells, times = [], []
        for samples in arms.values():
            part = samples[first : first + STEP]
            times.append(median(sample["ms"] for sample in part))
            last = part[-1]
            cells.append(
                f"{times[-1]:.0f}, {last['hooks']:.0f}, {last['analysers']:.0f}, {last['kib']:.0f}"
            )
        row = f"| {first + 1} to {first + STEP} | " + " | ".join(cells)
        yield f"{row} | {times[0] / times[1]:.2f} |"
    yield ""
    yield f"{date.today().isoformat()}; {device_name('cpu')}; {facts}; both arms in turn."


if __name__ == "__main__":
    main()
