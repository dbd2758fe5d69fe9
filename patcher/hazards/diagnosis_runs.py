"""Traced runs in worker processes: the side of diagnosis that starts something."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.execution.executor import Job, Step
from patcher.execution.process import FrozenTree
from patcher.execution.results import Arm, Case, Outcome
from patcher.execution.runner import run_job
from patcher.hazards.diagnosis import TRACER, Failed, Suspects, diagnose
from patcher.hazards.traces import FailureTrace
from patcher.rewrite.replay import replay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from patcher.execution.executor import Report
    from patcher.patchfile.model import Patch
    from patcher.verify.judge import Bench, Explain
    from patcher.verify.judgement import CaseJudgement, Diagnosis

TRACE_TIMES = 10.0  # what a trace may take, in times a run


def explainer(
    patches: Sequence[Patch], catalogue: Callable[[], Sequence[Patch]], work: Path
) -> Explain:
    """The ``explain`` of `patcher.verify.judge.judge`.

    Args:
        patches: the series that is judged, in order.
        catalogue: called when something failed: the patches that may be a remedy.
        work: a folder for trees with a remedy in them; made when needed.
    """

    def explain(failed: Sequence[CaseJudgement], bench: Bench) -> tuple[Diagnosis, ...]:
        raised = _raised(failed)
        baseline = bench.setup.sites[Arm.BASELINE].tree
        lost = {each.case for each in failed}
        cases = (Case(model.name, test.name) for model, test in bench.setup.request.matrix.pairs())
        suspects = Suspects(
            patches, tree_reader(baseline.path), replay, catalogue() if raised else ()
        )
        passed = [case for case in cases if case not in lost]
        return diagnose(raised, passed, suspects, WorkerRuns(bench, Variants(baseline, work)))

    return explain


def untraced(patches: Sequence[Patch]) -> Explain:
    """The same from the tracebacks of the judged runs alone: nothing is run again."""

    def explain(failed: Sequence[CaseJudgement], bench: Bench) -> tuple[Diagnosis, ...]:
        pristine = tree_reader(bench.setup.sites[Arm.BASELINE].tree.path)
        return diagnose(_raised(failed), (), Suspects(patches, pristine, replay), NoRuns())

    return explain


def _raised(failed: Sequence[CaseJudgement]) -> list[Failed]:
    return [
        Failed(each.case, each.patched.failure)
        for each in failed
        if each.patched is not None and each.patched.failure is not None
    ]


class NoRuns:
    """`patcher.hazards.diagnosis.Runs` that runs nothing."""

    def trace(
        self, requests: Sequence[tuple[Case, Mapping[str, Any]]]
    ) -> Sequence[FailureTrace | None]:
        """No answer to any request."""
        return [None for _ in requests]

    def passes(self, case: Case, files: Mapping[str, bytes | None]) -> bool:
        """Nothing is tried."""
        return False

    def inputs(self, case: Case) -> str:
        """Nothing is known of them."""
        return ""


def tree_reader(root: Path) -> Callable[[str], bytes | None]:
    """Content by path of a frozen tree."""

    def read(path: str) -> bytes | None:
        file = root / path
        return file.read_bytes() if file.is_file() else None

    return read


@dataclass
class WorkerRuns:
    """`patcher.hazards.diagnosis.Runs` on the executor of a verification."""

    bench: Bench
    variants: Variants

    def trace(
        self, requests: Sequence[tuple[Case, Mapping[str, Any]]]
    ) -> Sequence[FailureTrace | None]:
        """One worker, one model, one trace after the other."""
        steps = []
        for case, options in requests:
            self.bench.observer.began(Arm.PATCHED, case, "trace")
            _, test = self.bench.setup.lookup(case)
            asked = {"test": asdict(test), "tracer": TRACER, "options": dict(options)}
            timeout_s = TRACE_TIMES * self.bench.runner.case_timeout_s(case)
            steps.append(Step("trace", asked, timeout_s))
        reports = self._run(requests[0][0], steps, self.bench.setup.sites[Arm.PATCHED].tree)
        answers = (
            reports[number].value.get("trace") if number in reports else None
            for number in range(1, len(steps) + 1)
        )
        return [None if answer is None else FailureTrace.read(answer) for answer in answers]

    def passes(self, case: Case, files: Mapping[str, bytes | None]) -> bool:
        """Run the case once on a tree of its own."""
        self.bench.observer.began(Arm.PATCHED, case, "remedy")
        _, test = self.bench.setup.lookup(case)
        asked = {"test": asdict(test)}
        step = Step("run", asked, self.bench.runner.case_timeout_s(case))
        reports = self._run(case, [step], self.variants.tree(files))
        return 1 in reports and reports[1].outcome is Outcome.OK

    def inputs(self, case: Case) -> str:
        """The test's numbers by their keys, seeds left out."""
        _, test = self.bench.setup.lookup(case)
        return inputs_text(test.options)

    def _run(self, case: Case, steps: Sequence[Step], tree: FrozenTree) -> dict[int, Report]:
        model, _ = self.bench.setup.lookup(case)
        timeout_s = self.bench.runner.open_timeout_s(model.name)
        opening = Step("open", {"model": asdict(model), "seed": 0}, timeout_s)
        site = replace(self.bench.setup.sites[Arm.PATCHED], tree=tree)
        reports = run_job(self.bench.executor, Job(site, (opening, *steps)), self.bench.observer)
        return {report.step: report for report in reports}


@dataclass
class Variants:
    """Copies of a frozen tree that differ in some files; each is made once.

    Args:
        baseline: the tree they are copies of.
        work: a folder for them.
    """

    baseline: FrozenTree
    work: Path
    _made: dict[str, FrozenTree] = field(default_factory=dict)

    def tree(self, files: Mapping[str, bytes | None]) -> FrozenTree:
        """The tree with ``files`` in place of its own; itself when there are none."""
        if not files:
            return self.baseline
        digest = hashlib.sha256()
        for path in sorted(files):
            digest.update(path.encode() + b"\0" + hashlib.sha256(files[path] or b"").digest())
        key = digest.hexdigest()[:16]
        if key not in self._made:
            self._made[key] = copy_tree(self.baseline, self.work / key, files)
        return self._made[key]


def copy_tree(tree: FrozenTree, destination: Path, files: Mapping[str, bytes | None]) -> FrozenTree:
    """A frozen tree of its own: ``tree`` with some files replaced or added."""
    shutil.copytree(tree.path, destination, symlinks=True)
    for path, content in files.items():
        target = destination / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if content is not None:
            target.write_bytes(content)
    return FrozenTree.of(destination, f"{tree.sha256}+{destination.name}", tree.packages)


def inputs_text(options: Mapping[str, Any]) -> str:
    """The numbers in a test's options by their keys; seeds, which say nothing, left out."""
    return ", ".join(_flat(options))


def _flat(value: Any, key: str = "") -> list[str]:
    if isinstance(value, dict):
        return [
            text
            for name, item in value.items()
            for text in _flat(item, f"{key}.{name}" if key else str(name))
        ]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return []
    if key.endswith(("seed", "draw")):
        return []
    return [f"{key} {value}"]
