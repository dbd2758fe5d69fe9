"""What the harness costs: time added to a generation, and memory of the parent.

    python -m tests.trials.overhead time small|chatterbox --out FOLDER
    python -m tests.trials.overhead memory --out FOLDER -- verify --bench

``time`` measures the same generation in a worker and in a plain script that knows nothing of
patcher, in mirrored pairs, and resumes. ``memory`` runs the real command in FOLDER as workspace
and prints the parent's peak resident memory.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.bench.lanes import Lanes
from patcher.bench.ledger import SqliteLedger
from patcher.bench.records import CaseTiming, ProcessTiming
from patcher.bench.report import BenchReport
from patcher.bench.run import Rules, run_bench
from patcher.bench.speed import BenchPlan
from patcher.bench.stopwatch import ExecutorStopwatch, Workload
from patcher.execution.executor import LocalExecutor
from patcher.execution.process import WorkerSite, environment
from patcher.execution.results import Arm, Case
from patcher.worker.system import PROBE_ROUNDS, probe
from tests.trials.trials import PREPARE

if TYPE_CHECKING:
    from tests.mutations.changes import Changes

MOST = 0.02

# Plain scripts: asked on standard input what to generate, they print the seconds of each run,
# with the worker's own probe around it, so that pairs at unlike speeds are run again here too.
CLOCK = "import time\nfrom time import perf_counter\n"
PROBE = inspect.getsource(probe).replace("PROBE_ROUNDS", str(PROBE_ROUNDS))
PLAIN: Mapping[str, str] = {
    "small": """
import json, sys, time
request = json.load(sys.stdin)
from hum import Hum
voice = Hum(request["model"]["options"]["pitch"])
times = []
for test in request["tests"]:
    before = probe()
    began = time.perf_counter()
    voice.hum(test["options"]["text"], test["seed"])
    times.append([time.perf_counter() - began, before, probe()])
print(json.dumps(times))
""",
    "chatterbox": """
import copy, json, sys, time
request = json.load(sys.stdin)
import torch
from patcher.targets.chatterbox.scale import TOKENS, apply_scale
apply_scale("tiny")
from chatterbox.tts import ChatterboxTTS
speaker = ChatterboxTTS.from_local(request["assets"]["base"], "cpu")
inference = speaker.t3.inference
cap = TOKENS["tiny"]["cpu"]
speaker.t3.inference = lambda **named: inference(**{**named, "max_new_tokens": cap})
voice = copy.deepcopy(speaker.conds)
times = []
for test in request["tests"]:
    speaker.conds = copy.deepcopy(voice)
    torch.manual_seed(test["seed"])
    before = probe()
    began = time.perf_counter()
    speaker.generate(test["options"]["text"])
    times.append([time.perf_counter() - began, before, probe()])
print(json.dumps(times), file=sys.__stdout__)
""",
}


class PlainOrWorker:
    """A stopwatch whose baseline arm is the plain script and whose patched arm is a worker."""

    def __init__(
        self, target: str, site: WorkerSite, workload: Workload, worker: ExecutorStopwatch
    ):
        self.script = PLAIN[target]
        self.site = site
        self.model, (self.case,) = workload.models[0].model, workload.models[0].cases
        self.worker = worker

    def __call__(self, arm: Arm, patience: float = 1.0) -> ProcessTiming:
        if arm is Arm.PATCHED:
            timing = self.worker(arm, patience)
            # The script has no second clock to hold against the parent's.
            cases = tuple(replace(each, worker_s=(), echo_s=None) for each in timing.cases)
            return replace(timing, cases=cases, answers={})
        settings = {
            "model": asdict(self.model),
            "tests": [asdict(each) for each in self.case.inputs],
            "assets": dict(self.site.assets),
        }
        paths = [str(self.site.tree.path), str(Path.cwd())]
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import time\nfrom time import perf_counter\n{PROBE}{self.script}",
            ],
            input=json.dumps(settings),
            env={**environment(self.site), "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=True,
        )
        runs = json.loads(done.stdout.splitlines()[-1])[len(self.case.warm) :]
        timing = CaseTiming(
            Case(self.model.name, self.case.test.name),
            warm_s=tuple(seconds for seconds, _, _ in runs),
            probe_s=tuple((before + after) / 2 for _, before, after in runs),
        )
        return ProcessTiming(arm, (timing,))


def measure_time(target: str, out: Path, cache: Path, minutes: float, pairs: int) -> dict[str, Any]:
    """Worker over plain script; the objects of a bench report."""
    with LocalExecutor() as executor:
        arms: dict[Arm, Changes] = dict.fromkeys(Arm, ())
        sites, asked = PREPARE[target](executor, out / f"overhead-{target}", cache, arms)
        plan = BenchPlan("overhead", looks=(pairs,), confidence=0.984, timed=5, reruns=pairs)
        ledger = SqliteLedger(out / "overhead.sqlite", target)
        whole = asked(ledger.seed, plan)
        first = replace(whole.models[0], cases=whole.models[0].cases[:1])
        workload = replace(whole, models=[first], recorded={}, component_repeats=0)
        site = sites[Arm.PATCHED]
        watch = PlainOrWorker(target, site, workload, ExecutorStopwatch(executor, sites, workload))
        rules = Rules(plan, ledger.seed, MOST, budget_s=60 * minutes)
        run = run_bench(rules, Lanes([watch]), ledger, clock=time.monotonic)
    return BenchReport(run).as_json()


def measure_memory(workspace: Path, arguments: Sequence[str]) -> float:
    """Peak resident memory of the command's own process, in MiB."""
    code = (
        "import sys\n"
        "from patcher.cli import main\n"
        "try:\n"
        "    status = main()\n"
        "except SystemExit as ended:\n"
        "    status = ended.code\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(line for line in lines if line.startswith('VmHWM')), file=sys.__stderr__)\n"
    )
    workspace.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", code, "-C", str(workspace), *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    last = next(line for line in reversed(done.stderr.splitlines()) if "VmHWM" in line)
    return int(last.split()[-2]) / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trials.overhead")
    commands = parser.add_subparsers(dest="what", required=True)
    timed = commands.add_parser("time")
    timed.add_argument("target", choices=list(PREPARE))
    timed.add_argument("--out", type=Path, required=True)
    timed.add_argument("--cache", type=Path, default=None)
    timed.add_argument("--minutes", type=float, default=5.0)
    timed.add_argument("--pairs", type=int, default=8, help="of processes")
    memory = commands.add_parser("memory")
    memory.add_argument("--out", type=Path, required=True)
    memory.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if options.what == "memory":
        command = [word for word in options.command if word != "--"]
        print(f"peak memory of the parent: {measure_memory(options.out, command):.0f} MiB")
        return 0
    cache = options.cache or options.out / "cache"
    speed = measure_time(options.target, options.out, cache, options.minutes, options.pairs)
    print(f"{options.target}: {speed['sentence']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
