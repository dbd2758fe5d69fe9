"""Times of chatterbox-streaming with a set: the first chunk, a stream, an utterance at once.

    python -m benchmarks.fork PYTHON [@SET ...] [--rounds 4] [--write]

``PYTHON`` is an interpreter that has chatterbox-streaming 0.1.2 installed. Pristine and every set
(``@exact`` and ``@fast-cpu`` without any) are loaded, a process each, at the published size or with
``--scale tiny`` at that of the gates, and speak in turn, round by round, so that what else the
machine does meets them all. A ratio is the
median over the rounds of a set's time over pristine's in the same round; behind it stand the
lowest and the highest. The table goes to the terminal; ``--write`` puts it into
``docs/catalogue.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.worker_process import ROOT, answer, start

PAGE = ROOT / "docs" / "catalogue.md"
BEGIN = "<!-- the fork: written by python -m benchmarks.fork --write -->"
END = "<!-- end of the fork -->"
FORK = "chatterbox-streaming==0.1.2"
SETS = ("@exact", "@fast-cpu")
TEXT = "Measure twice, cut once."
TOKENS = 10  # 0.4 s of speech, two chunks
FIGURES = {
    "first_s": "time to the first chunk, s",
    "stream_rtf": "`generate_stream`: seconds a second of audio",
    "whole_rtf": "`generate`: seconds a second of audio",
}

Samples = Sequence[Mapping[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.fork", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("python", nargs="?", help="an interpreter with the fork")
    parser.add_argument("sets", nargs="*", default=SETS, metavar="@SET")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--scale", choices=("tiny", "full"), default="full")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--worker", metavar="WEIGHTS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.scale, options.worker)
        return
    arms, facts = measured(options.python, options.sets, options.rounds, options.scale)
    text = "\n".join(table(arms, f"{facts}, {options.scale} size"))
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


def measured(
    python: str, sets: Sequence[str], rounds: int, scale: str
) -> tuple[dict[str, Samples], str]:
    """Every round of pristine and of each set, after one that warms up; and what they ran on."""
    samples: dict[str, list[Mapping[str, float]]] = {}
    facts, base = "", weights(scale)
    with ExitStack() as stack:
        workers = {}
        for name in ("pristine", *sets):
            tree = working_copy(Path(stack.enter_context(TemporaryDirectory())), name)
            workers[name] = stack.enter_context(
                start(__file__, tree, "--scale", scale, "--worker", base, python=python)
            )
            facts = str(answer(workers[name])["facts"])
            samples[name] = []
        for number in range(rounds + 1):
            for name, process in workers.items():
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
                sample = answer(process)
                if number:
                    samples[name].append(sample)
        for process in workers.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
    return {name: tuple(each) for name, each in samples.items()}, facts


def working_copy(workspace: Path, name: str) -> Path:
    """The fork with a set applied: what of it fits."""
    patcher = [sys.executable, "-m", "patcher", "-C", str(workspace)]
    subprocess.run([*patcher, "init", "-q", FORK], check=True)
    if name != "pristine":
        target = ["--target", "chatterbox-streaming"]
        subprocess.run([*patcher, "apply", "-q", name, *target], check=True)
    status = subprocess.run([*patcher, "status", "--json"], check=True, stdout=subprocess.PIPE)
    return Path(json.loads(status.stdout)["root"])


def weights(scale: str) -> str:
    """The folder in which `patcher verify` has the fork's synthetic weights."""
    from patcher.commands.shared.verify_request import cache_folder
    from patcher.targets import find_adapter
    from patcher.targets.adapter import Options

    name, _, version = FORK.partition("==")
    adapter = find_adapter(name)
    assert adapter is not None
    options = Options(cache=cache_folder(), scale=scale)
    return str(adapter.assets(adapter.matrix({}), options, version).values["base"])


def worker(scale: str, base: str) -> None:
    """Speak once a line of input, in chunks and at once, and say what it took."""
    import torch

    from patcher.targets.adapter import Model, Opening, Test
    from patcher.targets.chatterbox import checkpoint
    from patcher.targets.chatterbox.entry_points import WholeSession
    from patcher.targets.chatterbox.streaming import StreamingSession

    if not Path(base).exists():
        checkpoint.appear(Path(base), lambda folder: checkpoint.make_base(folder, scale))
    assets = {
        "kind": "synthetic",
        "scale": scale,
        "base": base,
        "clips": {},
        "entries": {},
        "tried": {},
    }
    opening = Opening(Model("Base Chatterbox", {}), assets, "cpu", deterministic=False)
    whole = WholeSession(opening)

    class Stream(StreamingSession):
        """Of the model that is loaded already: memory is scarce."""

        def load(self, options: Mapping[str, Any]) -> Any:
            return whole.speaker

    stream = Stream(opening)
    test = Test("Built-in voice", {"text": TEXT, "tokens": TOKENS}, seed=7)
    facts = f"torch {torch.__version__}, {torch.get_num_threads()} threads"
    print(json.dumps({"facts": facts}), flush=True)
    for _ in sys.stdin:
        chunks, utterance = (each.run(test, capture=False) for each in (stream, whole))
        sample = {
            "first_s": chunks.stage_s["first chunk"],
            "stream_rtf": chunks.wall_s / chunks.audio_s,
            "whole_rtf": utterance.wall_s / utterance.audio_s,
        }
        print(json.dumps(sample), flush=True)


def table(arms: Mapping[str, Samples], facts: str) -> Iterator[str]:
    """A row a figure: pristine's median, and of each set its own and the ratio of the rounds."""
    from benchmarks.catalogue.about import device_name

    pristine, *sets = arms
    yield "| | pristine | " + " | ".join(f"`{name}`" for name in sets) + " |"
    yield "|---|--:|" + "---|" * len(sets)
    for key, words in FIGURES.items():
        cells = [f"{median(each[key] for each in arms[pristine]):.2f}"]
        for name in sets:
            pairs = zip(arms[name], arms[pristine], strict=True)
            ratios = sorted(patched[key] / original[key] for patched, original in pairs)
            typical = median(each[key] for each in arms[name])
            spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
            cells.append(f"{typical:.2f}: {median(ratios):.2f} of pristine's ({spread})")
        yield f"| {words} | " + " | ".join(cells) + " |"
    rounds = len(arms[pristine])
    yield ""
    yield (
        f"{date.today().isoformat()}; {device_name('cpu')}; {FORK.replace('==', ' ')}, {facts}; "
        f"{TOKENS} tokens, {rounds} rounds, all in turn."
    )


if __name__ == "__main__":
    main()
