"""The parent's side: a worker a subject for counts and long life, `judge` for gates, rounds."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.catalogue.timing import (
    WORKER,
    Ask,
    Deadline,
    WorkerError,
    Works,
    batches,
    compared,
    environment,
    rounds_of,
    served,
)
from benchmarks.catalogue.trees import PRISTINE, Subject, Target
from patcher.execution.machine import usable_processors
from patcher.execution.results import Arm
from patcher.targets.adapter import Assets, Matrix, Options
from patcher.targets.chatterbox import MODELS, TESTS
from patcher.verify.judge import judge
from patcher.verify.judgement import CaseJudgement, Status
from patcher.verify.setup import Request, free_memory_mib

WARM_TOKENS = 5
LIVES = 200
SESSION_MIB = {"tiny": 1300, "full": 4500}  # a loaded model and its process
LOADING_MIB = {"tiny": 300, "full": 1500}  # and while it is being loaded
CORES_A_LOADING = 4


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
        result = self.target.adapter.assets(matrix, options, version)
        if not result.ready:
            self.ask(Subject(PRISTINE), "make", {"assets": dict(result.values)})
        return result

    def ask(self, subject: Subject, task: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Run one task of `worker` in a fresh process on the subject's tree.

        Raises:
            WorkerError: it failed.
        """
        with self.target.frozen(subject) as tree, tempfile.NamedTemporaryFile("r+") as out:
            command = [sys.executable, str(WORKER), task, json.dumps(options), out.name]
            done = subprocess.run(
                command, env=environment(tree.path), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise WorkerError(done.stderr[-2000:])
            settings = out.read()
        return json.loads(settings) if settings else {}

    def count(self, subject: Subject, scale: str) -> dict[str, Any]:
        values = dict(self.assets(scale).values)
        return self.ask(subject, "count", {"assets": values, "device": self.device})

    def live(self, subject: Subject) -> dict[str, Any]:
        values = dict(self.assets("tiny").values)
        options = {"assets": values, "device": self.device, "generations": LIVES}
        return self.ask(subject, "live", options)

    def rates(self, subject: Subject) -> dict[str, Any]:
        """What torch does on this device, whatever the subject."""
        return self.ask(subject, "rates", {"device": self.device})

    def gate(self, subject: Subject) -> dict[str, Any]:
        """The subject's own gate on the whole matrix of models and tests, at tiny scale."""
        pristine = self.target.frozen(Subject(PRISTINE))
        with pristine as baseline, self.target.frozen(subject) as patched:
            request = Request(
                adapter=self.target.adapter,
                version=self.target.source.version,
                trees={Arm.BASELINE: baseline, Arm.PATCHED: patched},
                matrix=Matrix(MODELS, TESTS),
                run_dir=self.cache / "catalogue-runs",
                options=Options(self.device, scale="tiny", cache=self.cache),
                equivalence=subject.equivalence,
            )
            result = judge(request)
        statuses = Counter(case.status.value for case in result.cases)
        failed = [case for case in result.cases if case.status is Status.FAIL]
        return {
            "verdict": result.verdict.value,
            "gate": subject.equivalence.value,
            "cases": dict(statuses),
            "worst": worst(result.cases),
            "failures": sorted({case.error or case.reason for case in failed}),
        }

    def time(
        self,
        subjects: Sequence[Subject],
        works: Works,
        *,
        scale: str,
        tokens: int,
        rounds: int,
        sessions: int | None,
        deadline: Deadline,
    ) -> Iterator[tuple[str, dict[str, Any] | str]]:
        """Each subject's times beside pristine's, or why there are none, a batch after the other.

        Args:
            works: what each subject does in a round, pristine not named.
            tokens: speech tokens of the work.
            sessions: how many models may be loaded at once; None for what memory holds.
        """
        options = {
            "assets": dict(self.assets(scale).values),
            "device": self.device,
            "tokens": tokens,
            # A GPU chooses its kernels by the sizes it meets.
            "warm_tokens": min(tokens, WARM_TOKENS) if self.device == "cpu" else tokens,
            "inputs": "",
        }
        named = {subject.name: subject for subject in subjects}
        groups = batches(works, sessions or self.room(scale))
        with tempfile.TemporaryDirectory(prefix="patcher-catalogue-") as folder:
            if any("generation" not in work for work in works.values()):
                options["inputs"] = str(Path(folder) / "inputs.pt")
                self.say("recording the inputs of every stage on pristine")
                self.ask(Subject(PRISTINE), "record", options)
            for number, group in enumerate(groups, 1):
                if not deadline.fits(0):
                    self.say(f"out of time: not begun: {', '.join(group)}")
                    continue
                self.say(f"batch {number} of {len(groups)}: {', '.join(group)}")
                batch = [Subject(PRISTINE), *(named[name] for name in group)]
                doing = {name: works[name] for name in group}
                doing[PRISTINE] = list(dict.fromkeys(w for name in group for w in works[name]))
                yield from self.time_batch(batch, doing, options, rounds, deadline)

    def time_batch(
        self,
        batch: Sequence[Subject],
        works: Works,
        options: Mapping[str, Any],
        rounds: int,
        deadline: Deadline,
    ) -> Iterator[tuple[str, dict[str, Any] | str]]:
        """One batch, all its subjects loaded at once and warmed up; pristine is the first."""
        abreast = max(1, usable_processors() // CORES_A_LOADING)
        with ExitStack() as stack:

            def load(subject: Subject) -> Ask | str:
                try:
                    tree = stack.enter_context(self.target.frozen(subject))
                    ask = stack.enter_context(served(tree.path, options))
                    for work in works[subject.name]:
                        ask(work, "warm")
                except WorkerError as error:
                    return str(error)
                return ask

            with ThreadPoolExecutor(abreast) as pool:
                loaded = dict(
                    zip((each.name for each in batch), pool.map(load, batch), strict=True)
                )
            failed = {name: each for name, each in loaded.items() if isinstance(each, str)}
            asks = {name: each for name, each in loaded.items() if not isinstance(each, str)}
            result: dict[str, list[list[Mapping[str, Any]]]] = {}
            if PRISTINE in asks:
                result, lost = rounds_of(asks, works, rounds, deadline, self.say)
                failed |= lost
        base = result.pop(PRISTINE, [])
        if PRISTINE in failed or not base:
            why = failed.get(PRISTINE, "out of time before the first round ended")
            yield from ((each.name, why) for each in batch)
            return
        yield PRISTINE, compared(base, base, self.device)
        for name, why in failed.items():
            yield name, why
        for name in result.keys() - failed.keys():
            yield name, compared(result[name], base, self.device)

    def room(self, scale: str) -> int:
        """How many loaded models fit the memory that is free now."""
        free = free_memory_mib()
        if self.device == "cuda":
            import torch

            free = min(free, torch.cuda.mem_get_info()[0] >> 20)
        return max(2, (free - LOADING_MIB[scale]) // SESSION_MIB[scale])


def worst(cases: Sequence[CaseJudgement]) -> dict[str, float]:
    """Of every figure the gates measured, the one farthest from equal."""
    result: dict[str, list[float]] = {}
    for case in cases:
        for gate in case.gates:
            for key, value in gate.measured.items():
                result.setdefault(key, []).append(value)
    least = ("top1", "equal", "snr")
    return {
        key: min(values) if any(word in key for word in least) else max(values)
        for key, values in result.items()
    }
