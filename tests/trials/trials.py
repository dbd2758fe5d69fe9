"""Trials of the bench with a known answer: identical arms, or a change of known size.

    python -m tests.trials.trials small --out FOLDER --minutes 5
    python -m tests.trials.trials chatterbox --out FOLDER --minutes 5
    python -m tests.trials.trials small --out FOLDER --table

``small`` runs the tests' small target: 50 A/A runs under the full plan and 100 under the quick one,
and ten tries each of 5 % slower, 10 % faster and 0.5 % slower under the full plan. ``chatterbox``
runs the tiny Chatterbox: two A/A runs and one 20 % slower, under the quick plan. With ``--busy N``
so many processes spin beside them. Every trial is kept in FOLDER when it ends, every pair when it
is measured: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from docs.tables import circumstances, write_table
from patcher.bench.inputs import plan_inputs
from patcher.bench.speed import FULL, QUICK, BenchPlan
from patcher.bench.stopwatch import Workload
from patcher.bench.timing import Terms, time_arms
from patcher.execution import machine as host
from patcher.execution.executor import LocalExecutor
from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import Arm
from patcher.execution.runner import Silent
from patcher.targets.adapter import Matrix, Options
from patcher.verify.setup import Request, prepare
from tests.mutations.changes import (
    Change,
    Changes,
    copy_tree,
    installed_package,
    sources_sha256,
)
from tests.smalltarget import adapter as small

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL_PACKAGE = REPOSITORY / "tests" / "smalltarget" / "tree" / "hum"


@dataclass(frozen=True)
class Kind:
    """A family of trials.

    Attributes:
        right: the verdicts that are right; ``asked`` what the project asks of them, in words.
    """

    name: str
    plan: BenchPlan
    tries: int
    changes: Changes
    right: frozenset[str]
    asked: str
    baseline: Changes = ()


def wasted(rounds: int) -> Changes:
    """The small target with so many rounds of work for nothing, beside its own 400.

    The answers stay what they were: a timed answer that changes is no trial of the clock.
    """
    return (
        Change(
            "voice.py",
            "        return polished\n",
            f"        for _ in range({rounds}):\n"
            "            spare = [\n"
            "                (table[at - 1] + 6 * table[at] + table[(at + 1) % SAMPLES]) / 8\n"
            "                for at in range(SAMPLES)\n"
            "            ]\n"
            "            spare = [math.copysign(abs(value) ** 0.98, value) for value in spare]\n"
            "        return polished\n",
        ),
    )


SLOWER_SPEECH: Changes = (
    Change(
        "tts.py",
        "        if audio_prompt_path:\n            self.prepare",
        "        import time\n        began = time.perf_counter()\n"
        "        if audio_prompt_path:\n            self.prepare",
    ),
    Change(
        "tts.py",
        "        return torch.from_numpy(watermarked_wav).unsqueeze(0)",
        "        until = began + 1.2 * (time.perf_counter() - began)\n"
        "        while time.perf_counter() < until:\n            pass\n"
        "        return torch.from_numpy(watermarked_wav).unsqueeze(0)",
    ),
)
NEITHER = frozenset({"no-measurable-change", "undecided"})
KINDS: Mapping[str, tuple[Kind, ...]] = {
    "small": (
        Kind("5 % slower", FULL, 10, wasted(20), frozenset({"slower"}), "slower, 9 of 10"),
        Kind("10 % faster", FULL, 10, (), frozenset({"faster"}), "faster, 9 of 10", wasted(44)),
        Kind("0.5 % slower", FULL, 10, wasted(2), NEITHER, "neither, 9 of 10"),
        Kind("A/A, full", FULL, 50, (), NEITHER, "neither, 19 of 20"),
        Kind("A/A, quick", QUICK, 100, (), NEITHER, "neither, 19 of 20"),
    ),
    "chatterbox": (
        Kind("20 % slower", QUICK, 1, SLOWER_SPEECH, frozenset({"slower"}), "slower"),
        Kind("A/A", QUICK, 2, (), NEITHER, "neither, 2 of 2"),
    ),
}

Asked = Callable[[str, BenchPlan], Workload]  # from a seed and a plan
Prepare = Callable[
    [LocalExecutor, Path, Path, Mapping[Arm, Changes]], tuple[dict[Arm, WorkerSite], Asked]
]


def tree_of(root: Path, package: str, source: Path, changes: Changes) -> FrozenTree:
    """The tree at ``root``, copied when it is not there yet."""
    if not root.exists():
        copy_tree(source, root / package, changes)
    return FrozenTree.of(root, sources_sha256(root), (package,))


def prepare_small(
    executor: LocalExecutor, folder: Path, cache: Path, changes: Mapping[Arm, Changes]
) -> tuple[dict[Arm, WorkerSite], Asked]:
    """One case of the small target: a process starts and works for 0.15 s each."""
    sites = {
        arm: WorkerSite(
            tree_of(folder / arm.value, "hum", SMALL_PACKAGE, made),
            small.adapter.serving,
            folder / "logs",
            folder / "stages",
            sys_path=(str(REPOSITORY),),
        )
        for arm, made in changes.items()
    }

    def asked(seed: str, plan: BenchPlan) -> Workload:
        models = plan_inputs([(small.MODELS[0], small.TESTS[:1])], plan, seed)
        return Workload(models, timeout_s=30, component_repeats=0)

    return sites, asked


def prepare_chatterbox(
    executor: LocalExecutor, folder: Path, cache: Path, changes: Mapping[Arm, Changes]
) -> tuple[dict[Arm, WorkerSite], Asked]:
    """The first model with its three tests, on the synthetic tiny checkpoint."""
    from patcher.targets import chatterbox

    source = installed_package("chatterbox")
    trees = {
        arm: tree_of(folder / arm.value, "chatterbox", source, made)
        for arm, made in changes.items()
    }
    matrix = Matrix(chatterbox.MODELS[:1], chatterbox.TESTS)
    version = importlib.metadata.version("chatterbox-tts")
    options = Options(device="cpu", scale="tiny", cache=cache)
    request = Request(chatterbox.adapter, version, trees, matrix, folder, options)
    setup = prepare(request, executor, host.usable_processors(), Silent())

    def asked(seed: str, plan: BenchPlan) -> Workload:
        return Workload(plan_inputs([(matrix.models[0], matrix.tests)], plan, seed), timeout_s=120)

    return setup.timing_sites(host.usable_processors()), asked


PREPARE: Mapping[str, Prepare] = {"small": prepare_small, "chatterbox": prepare_chatterbox}


def run(target: str, out: Path, cache: Path, ends: float, only: str) -> None:
    """Run trials that have no result yet, kinds in turn, until the time is over.

    Args:
        only: part of the names of the kinds to run.
    """
    for attempt in range(max(kind.tries for kind in KINDS[target])):
        for number, kind in enumerate(KINDS[target]):
            kept = out / f"{target}-{number}-{attempt:03d}.json"
            if attempt >= kind.tries or kept.exists() or only not in kind.name:
                continue
            if time.monotonic() > ends:
                return
            folder = out / f"{kept.stem}.run"
            with LocalExecutor() as executor:
                sites, asked = PREPARE[target](
                    executor,
                    folder,
                    cache,
                    {Arm.BASELINE: kind.baseline, Arm.PATCHED: kind.changes},
                )
                began = time.monotonic()
                report = time_arms(
                    Terms(kind.plan, budget_s=max(1.0, ends - began)),
                    executor,
                    sites,
                    partial(asked, plan=kind.plan),
                    folder / "runs.sqlite",
                )
            speed = {**report.as_json(), "kind": kind.name, "wall_s": time.monotonic() - began}
            if speed["stopped"] == "budget":
                return
            kept.write_text(json.dumps(speed, indent=1))
            shutil.rmtree(folder)
            print(f"{kept.stem} {kind.name}: {speed['sentence']}", flush=True)


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that do nothing but use a processor."""
    command = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for each in spinning:
            each.kill()
            each.wait()


def table(target: str, out: Path, only: str = "") -> str:
    """The Markdown table of all results so far.

    Args:
        only: part of the names of the kinds to show.
    """
    lines = [
        "| trial | asked | tries | right | faster | slower | no measurable change | undecided "
        "| pairs, median (range) | time ratio, median (range) | pairs run again |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for number, kind in enumerate(KINDS[target]):
        if only not in kind.name:
            continue
        files = sorted(out.glob(f"{target}-{number}-*.json"))
        result = [json.loads(file.read_text()) for file in files]
        words = [each["verdict"] for each in result]
        cells = [kind.name, kind.asked, f"{len(result)} of {kind.tries}"]
        cells += [str(sum(word in kind.right for word in words))]
        order = ("faster", "slower", "no-measurable-change", "undecided")
        cells += [str(words.count(word)) for word in order]
        cells += [spread([each["pairs"] for each in result], "{:.0f}")]
        cells += [spread([each["time_ratio"] for each in result], "{:.3f}")]
        cells += [str(sum(len(each["rerun"]) for each in result))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(values: Sequence[float], form: str) -> str:
    """Median and range."""
    if not values:
        return "not run"
    low, middle, high = (form.format(value) for value in (min(values), median(values), max(values)))
    return f"{middle} ({low} to {high})"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trials.trials")
    parser.add_argument("target", choices=list(KINDS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5.0, help="stop after this long")
    parser.add_argument("--cache", type=Path, default=None, help="where weights are kept")
    parser.add_argument("--only", default="", help="part of the names of the kinds to run")
    parser.add_argument("--busy", type=int, default=0, help="processes that spin beside the trials")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("--into", type=Path, help="also write the table into this page")
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.table:
        ends = time.monotonic() + 60 * options.minutes
        cache = options.cache or options.out / "cache"
        with neighbours(options.busy):
            run(options.target, options.out, cache, ends, options.only)
    text = table(options.target, options.out, options.only)
    print(text)
    if options.into:
        about = circumstances(options.date)
        name = f"trials {options.target}{' busy' if options.busy else ''}"
        write_table(options.into, name, f"{about}\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
