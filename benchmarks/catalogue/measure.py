"""The parent's side: a worker a subject for counts and long life, `judge` for gates, rounds."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.catalogue.about import ROOT
from benchmarks.catalogue.fixed_work import test_of
from benchmarks.catalogue.trees import PRISTINE, Subject, Target
from patcher.bench.rounds import Deadline, Rounds, TimedWork, Works, in_batches, run_rounds
from patcher.bench.timing import margin_of
from patcher.errors import PatcherError
from patcher.execution.executor import Step
from patcher.execution.held import HeldWorker
from patcher.execution.machine import usable_processors
from patcher.execution.results import Arm
from patcher.execution.site import FrozenTree, WorkerSite
from patcher.targets.adapter import Assets, Matrix, Model, Options
from patcher.targets.chatterbox import MODELS, TESTS
from patcher.verify.judge import judge
from patcher.verify.judgement import CaseJudgement, Status
from patcher.verify.setup import Request, free_memory_mib

if TYPE_CHECKING:
    from benchmarks.catalogue.store import Figures

WARM_TOKENS = 5
SHORT_TOKENS = 25  # a second of speech
LIVES = 200
LIMIT_S = 4 * 3600.0  # of one request: a long life at full scale
MODEL = Model("Base Chatterbox", {"weights": "base"})
OPEN = Step("open", {"model": asdict(MODEL), "seed": 0}, LIMIT_S)
FIXED_WORK, COUNTING = "benchmarks.catalogue.fixed_work", "benchmarks.catalogue.counting"
WORK = "benchmarks.catalogue.work"
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
            step = Step("make", {"function": self.target.adapter.making}, LIMIT_S)
            with self.target.frozen(Subject(PRISTINE)) as tree:
                self.ask(self.site(tree, result.values), [step])
        return result

    def site(
        self, tree: FrozenTree, assets: Mapping[str, Any], *, deterministic: bool = False
    ) -> WorkerSite:
        """Where a worker runs: every processor is its own, nothing keeps it from anything."""
        folder = self.cache / "catalogue-runs"
        return WorkerSite(
            tree=tree,
            serving=self.target.adapter.serving,
            run_dir=folder / "logs",
            stages_dir=folder / "stages",
            assets=assets,
            device=self.device,
            deterministic=deterministic,
            threads=usable_processors(),
            sys_path=(str(ROOT),),
        )

    def ask(self, site: WorkerSite, steps: Sequence[Step]) -> Mapping[str, Any]:
        """Make requests to a fresh worker; what it said to the first and the last.

        Raises:
            PatcherError: ``environment`` when one failed.
        """
        with HeldWorker(site) as worker:
            answers = [worker.ask(step).value for step in steps]
        return {**answers[0], **answers[-1]}

    def looked_into(self, subject: Subject, function: str, scale: str, **named: Any) -> Figures:
        """What a function of `counting` says of a subject's session, and the session's facts."""
        assets = self.assets(scale).values
        with self.target.frozen(subject) as tree:
            site = self.site(tree, assets, deterministic=True)
            answer = self.ask(site, [OPEN, of_session(f"{COUNTING}:{function}", **named)])
        return {**answer["value"], "facts": answer["facts"]}

    def count(self, subject: Subject, scale: str) -> Figures:
        return self.looked_into(subject, "count", scale)

    def live(self, subject: Subject) -> Figures:
        return self.looked_into(subject, "live", "tiny", generations=LIVES)

    def rates(self, subject: Subject) -> Figures:
        """What torch does on this device, whatever the subject."""
        arguments = {"device": self.device}
        call = {"function": "benchmarks.catalogue.rates:rates", "arguments": arguments}
        with self.target.frozen(subject) as tree:
            answer = self.ask(self.site(tree, {}), [Step("call", call, LIMIT_S)])
        return {"rates": answer["value"]}

    def work(self, subject: Subject, scale: str, tokens: int) -> Figures:
        """What a generation on pristine has to read and compute; it depends on no machine."""
        assets = self.assets(scale).values
        with self.target.frozen(subject) as tree:
            step = of_session(f"{WORK}:work", tokens=tokens)
            counted: Figures = self.ask(self.site(tree, assets), [OPEN, step])["value"]
        return counted

    def start(self, subject: Subject, scale: str) -> Figures:
        """A fresh process by the parent's clock, a short utterance twice, and its memory."""
        site_of = partial(self.site, assets=self.assets(scale).values)
        request = {"test": asdict(test_of(SHORT_TOKENS)), "capture": False}
        with self.target.frozen(subject) as tree:
            began_s = time.monotonic()
            with HeldWorker(site_of(tree)) as worker:
                worker.ask(OPEN)
                opened_s = time.monotonic() - began_s
                memory = of_session(f"{WORK}:memory_mib")
                loaded = worker.ask(memory).value["value"]
                first, second = (worker.ask(Step("run", request, LIMIT_S)) for _ in range(2))
                after = worker.ask(memory).value["value"]
        return {
            "opened_s": opened_s,
            "cold_s": opened_s + first.wall_s,
            "warm_s": second.wall_s,
            "loading_mib": loaded["peak"],
            "loaded_mib": loaded["resident"],
            "resident_mib": after["resident"],
            "own_mib": after["own"],
        }

    def gate(self, subject: Subject) -> Figures:
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
                declares=frozenset(each for patch in subject.series for each in patch.declares),
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
    ) -> Iterator[tuple[str, Figures | str]]:
        """Each subject's times beside pristine's, or why there are none, a batch after the other.

        Args:
            works: what each subject does in a round, pristine not named.
            tokens: speech tokens of the work.
            sessions: how many models may be loaded at once; None for what memory holds.
        """
        assets = self.assets(scale).values
        named = {subject.name: subject for subject in subjects}
        groups = in_batches(works, PRISTINE, sessions or self.room(scale))
        with tempfile.TemporaryDirectory(prefix="patcher-catalogue-") as folder:
            # A GPU chooses its kernels by the sizes it meets.
            warm = min(tokens, WARM_TOKENS) if self.device == "cpu" else tokens
            work = Work(tokens, warm, str(Path(folder) / "inputs.pt"))
            if any("generation" not in each for each in works.values()):
                self.say("recording the inputs of every stage on pristine")
                with self.target.frozen(Subject(PRISTINE)) as tree:
                    self.ask(self.site(tree, assets), [OPEN, work.recording()])
            for number, group in enumerate(groups, 1):
                if not deadline.fits(0):
                    self.say(f"out of time: not begun: {', '.join(group)}")
                    continue
                self.say(f"batch {number} of {len(groups)}: {', '.join(group)}")
                batch = [Subject(PRISTINE), *(named[name] for name in group)]
                doing = {name: works[name] for name in group}
                doing[PRISTINE] = list(dict.fromkeys(w for name in group for w in works[name]))
                timed = self.time_batch(batch, doing, work, assets, rounds, deadline)
                yield from timed.items()

    def time_batch(
        self,
        batch: Sequence[Subject],
        works: Works,
        work: Work,
        assets: Mapping[str, Any],
        rounds: int,
        deadline: Deadline,
    ) -> dict[str, Figures | str]:
        """One batch, all its subjects loaded at once and warmed up; pristine is the first."""
        with ExitStack() as stack:

            def load(subject: Subject) -> HeldWorker | str:
                try:
                    tree = stack.enter_context(self.target.frozen(subject))
                    worker = stack.enter_context(HeldWorker(self.site(tree, assets)))
                    worker.ask(OPEN)
                    for name in works[subject.name]:
                        work.do(worker, name, work.warm)
                except PatcherError as error:
                    return explained(error)
                return worker

            # A worker ends with the thread that started it: the threads stay until all is timed.
            abreast = max(1, usable_processors() // CORES_A_LOADING)
            pool = stack.enter_context(ThreadPoolExecutor(abreast))
            names = [each.name for each in batch]
            loaded = dict(zip(names, pool.map(load, batch), strict=True))
            failed = {name: each for name, each in loaded.items() if isinstance(each, str)}
            result: dict[str, Rounds] = {}
            if PRISTINE not in failed:
                doers = {
                    name: partial(work.do, each, tokens=work.tokens)
                    for name, each in loaded.items()
                    if isinstance(each, HeldWorker)
                }
                result = run_rounds(doers, works, rounds, deadline, self.say)
        failed |= {name: each.failure for name, each in result.items() if each.failure}
        base = result.get(PRISTINE, Rounds())
        if PRISTINE in failed or not base.done:
            why = failed.get(PRISTINE, "out of time before the first round ended")
            return {each.name: why for each in batch}
        return {
            name: failed[name] if name in failed else compared(result[name], base, self.device)
            for name in names
        }

    def room(self, scale: str) -> int:
        """How many loaded models fit the memory that is free now."""
        free = free_memory_mib()
        if self.device == "cuda":
            import torch

            free = min(free, torch.cuda.mem_get_info()[0] >> 20)
        return max(2, (free - LOADING_MIB[scale]) // SESSION_MIB[scale])


@dataclass(frozen=True)
class Work:
    """What is timed: whole generations, or stages on inputs recorded on pristine.

    Attributes:
        tokens, warm: speech tokens of a timed call, and of one that warms up.
        inputs: the file of recorded inputs.
    """

    tokens: int
    warm: int
    inputs: str

    def recording(self) -> Step:
        """Record the inputs, on pristine."""
        lengths = sorted({self.warm, self.tokens})
        return of_session(f"{FIXED_WORK}:record_inputs", lengths=lengths, path=self.inputs)

    def do(self, worker: HeldWorker, name: str, tokens: int) -> TimedWork:
        """Let a subject do a stage's work, or a ``generation``; whole calls by the parent's clock.

        Raises:
            PatcherError: ``environment`` when it failed.
        """
        if name == "generation":
            request = {"test": asdict(test_of(tokens)), "capture": False}
            answer = worker.ask(Step("run", request, LIMIT_S))
            made = answer.value
            seconds = {name: answer.wall_s, **made["stage_s"]}
            return TimedWork(seconds, made["tokens"], answer.resident_mib)
        function = f"{FIXED_WORK}:seconds_of"
        step = of_session(function, stage=name, tokens=tokens, path=self.inputs)
        answer = worker.ask(step)
        return TimedWork(answer.value["value"], tokens, answer.resident_mib)


def of_session(function: str, **named: Any) -> Step:
    """Call a function of this folder with the worker's session."""
    request = {"function": function, "arguments": named, "session": True}
    return Step("call", request, LIMIT_S)


def explained(error: PatcherError) -> str:
    """An error with the last lines of the log it came from."""
    return "\n".join([*error.notes, error.message])


def compared(rounds: Rounds, pristine: Rounds, device: str) -> Figures:
    """What a subject's rounds say beside pristine's, stage by stage."""
    stages = rounds.beside(pristine, margin_of(device))
    return {
        "tokens": max(work.tokens for work in rounds.works),
        "resident_mib": round(max(work.memory_mib for work in rounds.works)),
        "disturbed": asdict(rounds.remeasured),
        "stages": {name: asdict(stage) for name, stage in stages.items()},
    }


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
