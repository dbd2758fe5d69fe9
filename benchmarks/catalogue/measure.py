"""The parent's side: a worker a subject for counts and long life, `judge` for gates and time."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.catalogue.trees import PRISTINE, Subject, Target
from patcher.targets.adapter import Assets, Matrix, Options, Test
from patcher.targets.chatterbox import MODELS, TESTS, adapter
from patcher.verify.bench import statistics
from patcher.verify.bench.timing import margin_of
from patcher.verify.judge import judge
from patcher.verify.model import Arm, CaseJudgement, Status
from patcher.verify.setup import Request

Generate = Callable[[Mapping[str, Any]], dict[str, Any]]

WORKER = Path(__file__).with_name("worker.py")
TOKENS = 100
WARM_TOKENS = 5
CONFIDENCE = 0.968  # what six pairs reach
LIVES = 200
SPOKEN = "The quick brown fox jumps over the lazy dog, and then it sleeps for a while."


class Lab:
    """One target on one device, its assets in a cache.

    Attributes:
        say: shows a line of progress.
    """

    def __init__(self, target: Target, device: str, cache: Path, say: Callable[[str], None]):
        self.target, self.device, self.cache, self.say = target, device, cache, say

    def assets(self, scale: str) -> Assets:
        matrix = Matrix(MODELS, TESTS)
        options = Options(self.device, scale=scale, cache=self.cache)
        version = self.target.source.version
        found = adapter.assets(matrix, options, version)
        if not found.ready:
            self.ask(Subject(PRISTINE), "make", {"assets": dict(found.values)})
        return found

    def ask(self, subject: Subject, task: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Run one task of `worker` in a fresh process on the subject's tree."""
        with self.target.frozen(subject) as tree, tempfile.NamedTemporaryFile("r+") as out:
            command = [sys.executable, str(WORKER), task, json.dumps(options), out.name]
            done = subprocess.run(
                command, env=environment(tree.path), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{task} of {subject.name} failed:\n{done.stderr[-2000:]}")
            told = out.read()
        return json.loads(told) if told else {}

    def count(self, subject: Subject, scale: str) -> dict[str, Any]:
        values = dict(self.assets(scale).values)
        return self.ask(subject, "count", {"assets": values, "device": self.device})

    def live(self, subject: Subject) -> dict[str, Any]:
        values = dict(self.assets("tiny").values)
        options = {"assets": values, "device": self.device, "generations": LIVES}
        return self.ask(subject, "live", options)

    def gate(self, subject: Subject) -> dict[str, Any]:
        """The subject's own gate on the whole matrix of models and tests, at tiny scale."""
        pristine = self.target.frozen(Subject(PRISTINE))
        with pristine as baseline, self.target.frozen(subject) as patched:
            request = Request(
                adapter=adapter,
                version=self.target.source.version,
                trees={Arm.BASELINE: baseline, Arm.PATCHED: patched},
                matrix=Matrix(MODELS, TESTS),
                run_dir=self.cache / "catalogue-runs",
                options=Options(self.device, scale="tiny", cache=self.cache),
                equivalence=subject.equivalence,
                jobs=1,
            )
            found = judge(request)
        statuses = Counter(case.status.value for case in found.cases)
        failed = [case for case in found.cases if case.status is Status.FAIL]
        return {
            "verdict": found.verdict.value,
            "gate": subject.equivalence.value,
            "cases": dict(statuses),
            "worst": worst(found.cases),
            "failures": sorted({gate.message for case in failed for gate in case.gates}),
        }

    def time(self, subjects: Sequence[Subject], rounds: int) -> dict[str, dict[str, Any]]:
        """Seconds of each subject in interleaved rounds; the first is pristine.

        Full size, fixed work, the built-in voice. A process a subject is loaded once and
        generates once unmeasured. A round lets every one generate once, in an order that is turned
        round from one to the next, so that drift and load meet all of them alike.
        """
        test = asdict(Test(TESTS[0].name, {"text": SPOKEN, "tokens": TOKENS}, seed=1))
        warm = {**test, "options": {"text": SPOKEN, "tokens": WARM_TOKENS}}
        values = dict(self.assets("full").values)
        order = list(range(len(subjects)))
        random.Random(0).shuffle(order)
        with ExitStack() as stack:
            served = [stack.enter_context(self.served(each, values)) for each in subjects]
            for generate in served:
                generate(warm)
            runs: list[list[dict[str, Any]]] = [[] for _ in subjects]
            for number in range(rounds):
                for index in order if number % 2 == 0 else reversed(order):
                    runs[index].append(served[index](test))
                last = [
                    f"{each.name} {run[-1]['wall_s']:.1f} s"
                    for each, run in zip(subjects, runs, strict=True)
                ]
                self.say(f"round {number + 1}: " + ", ".join(last))
        return {each.name: speed_of(run, runs[0]) for each, run in zip(subjects, runs, strict=True)}

    @contextmanager
    def served(self, subject: Subject, values: Mapping[str, Any]) -> Iterator[Generate]:
        """The subject loaded in a process of its own, as a function that generates."""
        options = json.dumps({"assets": values, "device": self.device})
        with self.target.frozen(subject) as tree:
            process = subprocess.Popen(
                [sys.executable, str(WORKER), "serve", options, ""],
                env=environment(tree.path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert process.stdin
            assert process.stdout
            given, answers = process.stdin, process.stdout

            def generate(test: Mapping[str, Any]) -> dict[str, Any]:
                print(json.dumps(test), file=given, flush=True)
                found: dict[str, Any] = json.loads(answers.readline())
                return found

            try:
                if answers.readline() != "ready\n":
                    raise RuntimeError(f"{subject.name} could not be loaded")
                yield generate
            finally:
                given.close()
                process.terminate()
                process.wait()


def environment(tree: Path) -> dict[str, str]:
    roots = [str(tree), str(Path(__file__).parents[2])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}


def speed_of(runs: Sequence[dict[str, Any]], pristine: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The ratio of a subject's times to pristine's of the same rounds, judged as `verify` does."""
    walls, others = ([each["wall_s"] for each in found] for found in (runs, pristine))
    differences = statistics.log_ratios(walls, others)
    found = statistics.interval(differences, CONFIDENCE)
    margin = margin_of("cpu")
    word = "undecided"
    if found.high < 0 and found.estimate < math.log1p(-margin):
        word = "faster"
    elif found.low > 0 and found.estimate > math.log1p(margin):
        word = "slower"
    elif -margin < found.low and found.high < margin:
        word = "no-measurable-change"
    stages = {
        stage: median(each["stage_s"].get(stage, 0.0) for each in runs)
        for stage in ("speech_tokens", "mel", "vocoder")
    }
    return {
        "time_ratio": math.exp(found.estimate),
        "low": math.exp(found.low),
        "high": math.exp(found.high),
        "verdict": word,
        "rounds": len(runs),
        "wall_s": median(walls),
        "stage_s": stages,
        "tokens": runs[0]["tokens"],
        "runs_s": [round(wall, 3) for wall in walls],
    }


def worst(cases: Sequence[CaseJudgement]) -> dict[str, float]:
    """Of every figure the gates measured, the one farthest from equal."""
    found: dict[str, list[float]] = {}
    for case in cases:
        for gate in case.gates:
            for key, value in gate.measured.items():
                found.setdefault(key, []).append(value)
    least = ("top1", "equal", "snr")
    return {
        key: min(values) if any(word in key for word in least) else max(values)
        for key, values in found.items()
    }


def facts(device: str) -> dict[str, Any]:
    """What the tables say about where they were measured."""
    root = Path(__file__).parents[2]
    commit = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "--short=10", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    )
    versions = {}
    for name in ("torch", "transformers", "diffusers", "s3tokenizer"):
        versions[name] = importlib.metadata.version(name)
    return {
        "commit": commit.stdout.strip(),
        "device": device_name(device),
        "python": platform.python_version(),
        "versions": versions,
    }


def device_name(device: str) -> str:
    """The processor's or the GPU's own name."""
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    model, cores = platform.processor() or platform.machine(), os.cpu_count()
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {cores} cores"
