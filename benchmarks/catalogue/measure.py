"""The parent's side: a worker a subject for counts and long life, `judge` for gates and time."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.catalogue.trees import PRISTINE, Subject, Target
from patcher.targets.adapter import Assets, Matrix, Model, Options, Test
from patcher.targets.chatterbox import MODELS, TESTS, adapter
from patcher.verify.judge import judge
from patcher.verify.model import Arm
from patcher.verify.setup import Request
from patcher.verify.speed import QUICK
from patcher.verify.timing import measure_speed

WORKER = Path(__file__).with_name("worker.py")
TOKENS = 100
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
            roots = [str(tree.path), str(Path(__file__).parents[2])]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
            command = [sys.executable, str(WORKER), task, json.dumps(options), out.name]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
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

    def time(self, subject: Subject, budget_s: float | None) -> dict[str, Any]:
        """Gate and time against pristine: full size, fixed work, the built-in voice.

        Resumes: pairs are kept in the cache by the trees' hashes.
        """
        test = Test(TESTS[0].name, {"text": SPOKEN, "tokens": TOKENS}, seed=1)
        matrix = Matrix((Model(MODELS[0].name, MODELS[0].options),), (test,))
        pristine = self.target.frozen(Subject(PRISTINE))
        with pristine as baseline, self.target.frozen(subject) as patched:
            request = Request(
                adapter=adapter,
                version=self.target.source.version,
                trees={Arm.BASELINE: baseline, Arm.PATCHED: patched},
                matrix=matrix,
                run_dir=self.cache / "catalogue-runs",
                options=Options(self.device, scale="full", cache=self.cache),
                equivalence=subject.equivalence,
                jobs=1,
            )
            # The first generation of a fresh process: what is made once counts in full.
            plan = replace(QUICK, name=f"catalogue-{TOKENS}", warm_ups=0)
            found = judge(
                request, measure_speed=partial(measure_speed, plan=plan, budget_s=budget_s)
            )
        return {
            "verdict": found.verdict.value,
            "gates": [asdict(gate) for case in found.cases for gate in case.gates],
            "speed": found.speed.as_json() if found.speed else None,
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
