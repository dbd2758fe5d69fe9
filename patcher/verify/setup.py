"""What a verification is asked for, and what it needs before the first case runs."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.execution import machine as host
from patcher.execution.compiled import compiled
from patcher.execution.executor import Executor, Job, Step, fingerprint_of
from patcher.execution.results import Arm, Case
from patcher.execution.rundb import FORMAT, key_of
from patcher.execution.runner import Batch, Observer, run_job
from patcher.execution.sandbox import Policy, policy_for
from patcher.execution.site import FrozenTree, WorkerSite
from patcher.execution.start import compile_caches
from patcher.execution.workplace import (
    COMPILED,
    UNFINISHED,
    compile_variables,
    keep,
    wipe_left,
)
from patcher.patchfile.model import Equivalence
from patcher.targets.adapter import Adapter, Assets, Matrix, Options, Test
from patcher.verify.exercised import ChangedLines, enough, watched
from patcher.verify.plan import INPUTS, CallPlan, make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.targets.adapter import Model

MAKING_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Timed:
    """What is timed apart from what is gated: a size of the weights, and a part of the matrix."""

    scale: str
    matrix: Matrix


@dataclass(frozen=True)
class Request:
    """A verification.

    Attributes:
        adapter: of the target; ``version`` is the target's.
        trees: a frozen tree by arm, each at a path never used before.
        matrix: the models and tests to run.
        equivalence: the loosest claim among the patches.
        run_dir: logs, stage files and the run database live here, from run to run.
        timeout_s: for one case; None for ten times its baseline, at least 30 s.
        fail_fast: end with the first failed case.
        jobs: workers at once; None for what the machine carries.
        python: the interpreter the target is installed for.
        sys_path: folders a third party's adapter is imported from.
        limits: ``[tool.patcher.verify.gates]``.
        about: what the run database keeps beside the judgement, for `patcher history`.
        content: sha256 of the workload's and the adapter's own files: what they changed is another
            workload, whose results nothing of the old one stands for.
        fresh: run the baseline even where a stored result would do.
        sandbox: workers run behind the guards of `patcher.execution.sandbox`.
        readable: files and folders a worker may read beside what it needs anyway.
        hidden: files and folders no worker may read, also below ``readable``.
        inputs, seed, full: how further calls are drawn (`patcher.verify.plan.make_plan`).
        life: how many calls one process makes to see whether it grows; 0 for none.
        places: where the series' edits are in the patched tree; what never runs is not proven.
        declares: what the series says it does beside computing.
        allow_unexercised: the user's own decision that edits which never ran may pass.
        reuse_pass: where these trees passed, its results stand for the gates' runs.
        why_not: why no pass on record stands for them; empty where the series never passed.
        clock: what is timed; None for the same as is gated.
    """

    adapter: Adapter
    version: str
    trees: Mapping[Arm, FrozenTree]
    matrix: Matrix
    run_dir: Path
    options: Options = field(default_factory=Options)
    equivalence: Equivalence = Equivalence.BITWISE
    timeout_s: float | None = None
    fail_fast: bool = False
    executor: str = "local"
    jobs: int | None = None
    python: str = sys.executable
    sys_path: tuple[str, ...] = ()
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    content: str = ""
    fresh: bool = False
    inputs: int = INPUTS
    seed: int | None = None
    full: bool = False
    life: int = 0
    places: tuple[ChangedLines, ...] = ()
    declares: frozenset[str] = frozenset()
    allow_unexercised: bool = False
    reuse_pass: bool = False
    why_not: str = ""
    clock: Timed | None = None
    memory_limit_mib: int | None = None
    sandbox: bool = True
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Setup:
    """Everything in place: assets made, both arms' workers described.

    Attributes:
        sites: where each arm runs, for gates (deterministic).
        environment: sha256 of what must be equal for results to be comparable.
        facts: of the machine, for the report.
        plan: every call of both arms; empty until it is `planned`.
        entries: calls of other entry points, which the series touches.
    """

    request: Request
    assets: Assets
    sites: Mapping[Arm, WorkerSite]
    environment: str
    facts: Mapping[str, Any]
    plan: CallPlan
    entries: tuple[Test, ...] = ()

    @property
    def policy(self) -> Policy | None:
        """What the workers may do; None when nothing fences them in."""
        return next((site.policy for site in self.sites.values()), None)

    def key(self, arm: Arm, model: Model, test: Test) -> str:
        """The run database's key of one case."""
        return key_of(
            FORMAT,
            self.sites[arm].tree.sha256,
            self.environment,
            self.assets.fingerprint,
            self.request.adapter.distribution,
            self.request.content,
            [model.name, model.options],
            [test.name, test.options, test.seed],
        )

    def run_key(self) -> str:
        """The run database's key of this verification: equal requests resume one another."""
        request = self.request
        keys = [self.key(arm, model, test) for arm in Arm for model, test in request.matrix.pairs()]
        drawing = [request.inputs, request.seed, request.full, request.sandbox]
        return key_of(keys, request.equivalence.value, drawing)

    def planned(self, seed: int) -> Setup:
        """The same with every call drawn; the trees are frozen by now."""
        plan = make_plan(
            self.request.adapter,
            self.request.matrix,
            inputs=self.request.inputs,
            seed=seed,
            full=self.request.full,
            entries=self.entries,
        )
        return replace(self, plan=plan)

    def batches(self, arm: Arm, cases: set[Case], purpose: str = "run") -> list[Batch]:
        """The given cases of one arm, a batch a model, in the plan's order."""
        result = []
        for model in self.request.matrix.models:
            tests = tuple(
                call.test
                for call in self.plan.of_model(model)
                if Case(model.name, call.test.name) in cases
            )
            named = {test.name for test in self.request.matrix.tests}
            further = frozenset(test.name for test in tests) - named
            if tests:
                result.append(Batch(arm, model, tests, purpose, further))
        return result

    def lookup(self, case: Case) -> tuple[Model, Test]:
        """The model and the test of a case."""
        return next(
            (model, call.test)
            for model, call in self.plan.pairs()
            if Case(model.name, call.test.name) == case
        )

    def timing_sites(self, threads: int) -> dict[Arm, WorkerSite]:
        """Where each arm is timed: alone on the machine, nothing switched on for determinism."""
        return {
            arm: replace(site, deterministic=False, threads=threads, watch={})
            for arm, site in self.sites.items()
        }


def slots_and_threads(request: Request) -> tuple[int, int]:
    """Workers at once, and numeric threads each: equal in both arms, together all processors.

    A GPU takes one worker at a time: its memory is what two would quarrel about. So does a machine
    whose free memory holds only one.
    """
    processors = host.usable_processors()
    slots = request.jobs
    if slots is None:
        device = request.options.device
        alone = device in ("cuda", "mps") or (device == "auto" and _has_gpu())
        assets = request.adapter.assets(request.matrix, request.options, request.version)
        fitting = free_memory_mib() // max(1, assets.memory_mib)
        slots = 1 if alone else max(1, min(2, processors, fitting))
    return slots, max(1, processors // slots)


def free_memory_mib() -> int:
    """Memory new processes can have; a large number where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) >> 10
    return 1 << 30


def _has_gpu() -> bool:
    return Path("/proc/driver/nvidia/gpus").is_dir()


def prepare(request: Request, executor: Executor, threads: int, observer: Observer) -> Setup:
    """Find or make the assets and describe both arms' workers.

    Raises:
        PatcherError: ``environment`` when the assets cannot be found or made.
    """
    adapter = request.adapter
    options = request.options
    entries = entries_of(adapter, request.places, request.matrix)
    every_test = replace(request.matrix, tests=(*request.matrix.tests, *entries))
    assets = adapter.assets(every_test, options, request.version)
    # Commands are processes that import for themselves.
    trees = request.trees.values() if getattr(adapter, "lines_elsewhere", False) else ()
    with compiled(trees, request.python, request.run_dir / "bytecode"):
        policy = policy_of(request)
    sites = {
        arm: WorkerSite(
            tree=replace(tree, packages=adapter.packages),  # what it imports, and no more
            serving=adapter.serving,
            run_dir=request.run_dir / "logs",
            stages_dir=request.run_dir / "stages",
            assets=assets.values,
            device=options.device,
            threads=threads,
            sys_path=request.sys_path,
            python=request.python,
            memory_limit_mib=request.memory_limit_mib,
            policy=policy,
            cwd=None if adapter.packages or policy is None else Path.cwd(),
        )
        for arm, tree in request.trees.items()
    }
    facts = fingerprint_of(
        executor,
        {
            "threads": threads,
            "device": options.device,
            "distributions": installed(request.python),
        },
    )
    compiled_in = None
    if options.cache.name:
        compiled_in = options.cache / COMPILED / f"{COMPILED}-{facts.sha256[:16]}"
    baseline = request.trees[Arm.BASELINE].sha256
    sites = {
        arm: replace(site, compiled_by=baseline, compiled_in=compiled_in)
        for arm, site in sites.items()
    }
    if not assets.ready and adapter.making:
        make_assets(request, assets, sites[Arm.BASELINE], executor, observer)
    if Arm.PATCHED in sites:  # a scan runs pristine alone
        places = request.places
        site = replace(sites[Arm.PATCHED], watch=watched(places), enough=enough(places))
        sites[Arm.PATCHED] = site
    plan = CallPlan.of_matrix(request.matrix)
    return Setup(request, assets, sites, facts.sha256, facts.facts, plan, entries)


def make_assets(
    request: Request, assets: Assets, baseline: WorkerSite, executor: Executor, observer: Observer
) -> None:
    """Have pristine make what is missing; what libraries compile for it serves the first call too.

    Raises:
        PatcherError: ``environment`` when they cannot be made.
    """
    step = Step("make", {"function": request.adapter.making}, MAKING_TIMEOUT_S)
    baseline.run_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=baseline.run_dir, prefix=UNFINISHED) as folder:
        caches = Path(folder, "caches")
        caches.mkdir()
        # Not fenced in: it may have to fetch something, and writes where assets are kept.
        site = replace(
            baseline,
            threads=host.usable_processors(),
            memory_limit_mib=None,
            policy=None,
            environ={**baseline.environ, **compile_variables(caches)},
        )
        report = run_job(executor, Job(site, (step,)), observer)[-1]
        if report.failure is not None:
            raise cannot_make(assets, report.failure.text, request.options, report.failure.log)
        keep(caches, compile_caches(baseline))


def entries_of(
    adapter: Adapter, places: Sequence[ChangedLines], matrix: Matrix
) -> tuple[Test, ...]:
    """Calls of the entry points that a series touches, where the adapter knows some.

    Those that are models of the matrix themselves are left out.
    """
    entries = getattr(adapter, "entries", None)
    if entries is None:
        return ()
    touched = {f"{place.file}:{span.name}" for place in places for span in place.spans}
    models = {model.options.get("entry") for model in matrix.models} - {None}
    return tuple(
        test for test in entries(frozenset(touched)) if test.options.get("entry") not in models
    )


def policy_of(request: Request) -> Policy | None:
    """What the workers of both arms may do; None when they are not to be fenced in."""
    wipe_left(request.run_dir)
    if not request.sandbox:
        return None
    named: list[str | Path] = [*request.sys_path, *request.readable]
    if not request.adapter.packages:  # a command works where the user stands
        named.append(str(Path.cwd()))
    trees = [tree.path for tree in request.trees.values()]
    return policy_for(
        request.python,
        named=named,
        hidden=[request.run_dir, *trees, *request.hidden],
        gpu=request.options.device != "cpu",
    )


def cannot_make(assets: Assets, text: str, options: Options, log: str) -> PatcherError:
    """Assets that cannot be made, with the way out."""
    hint = "`patcher doctor` explains what the environment lacks"
    if options.pretrained:
        hint = "use `--checkpoint DIR` with weights you have, or leave `--pretrained` out"
    notes = log.strip().splitlines()[-3:]
    return PatcherError("environment", f"no {assets.summary}: {text}", hint=hint, notes=notes)


def installed(python: str) -> str:
    """A hash of the names and versions of all installed distributions."""
    if python != sys.executable:
        from patcher.store.interpreter import about

        result = about(python)
        return key_of(python, result.text, sorted(result.installed.items()))
    names = {
        path.name
        for folder in sys.path
        if folder and os.path.isdir(folder)
        for path in Path(folder).glob("*.dist-info")
    }
    return key_of(sorted(names))
