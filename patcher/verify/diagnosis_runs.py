"""Traced runs in worker processes: the side of diagnosis that starts something."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.verify.diagnosis import TRACER
from patcher.verify.executor import Job, Report, Step
from patcher.verify.model import Outcome
from patcher.verify.process import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from patcher.targets.adapter import Matrix, Model, Test
    from patcher.verify.executor import Executor
    from patcher.verify.model import Case
    from patcher.verify.process import Site


@dataclass
class WorkerRuns:
    """`patcher.verify.diagnosis.Runs` on an executor.

    Args:
        site: of the patched arm.
        executor: runs the jobs; nothing else may be running on it.
        matrix: where cases are looked up by name.
        work: a folder for trees with a remedy in them.
        timeout_s: for one run; a trace may take ten times as long.
    """

    site: Site
    executor: Executor
    matrix: Matrix
    work: Path
    timeout_s: float = 300.0
    _tried: dict[str, Tree] = field(default_factory=dict)

    def trace(
        self, requests: Sequence[tuple[Case, Mapping[str, Any]]]
    ) -> Sequence[Mapping[str, Any] | None]:
        """One worker, one model, one trace after the other."""
        model = self._model(requests[0][0])
        steps = [
            Step(
                "trace",
                {"test": test_json(self._test(case)), "tracer": TRACER, "options": dict(options)},
                self.timeout_s,
            )
            for case, options in requests
        ]
        reports = run_job(self.executor, self.site, model, steps, self.timeout_s)
        return [
            reports[number].value.get("trace") if number in reports else None
            for number in range(1, len(steps) + 1)
        ]

    def passes(self, case: Case, files: Mapping[str, bytes]) -> bool:
        """Run the case once on a tree of its own."""
        step = Step("run", {"test": test_json(self._test(case)), "capture": False}, self.timeout_s)
        site = replace(self.site, tree=self._tree(files))
        reports = run_job(self.executor, site, self._model(case), [step], self.timeout_s)
        return 1 in reports and reports[1].outcome is Outcome.OK

    def inputs(self, case: Case) -> str:
        """The test's numbers and file names, by their keys."""
        return ", ".join(_flat(self._test(case).options))

    def _model(self, case: Case) -> Model:
        return next(model for model in self.matrix.models if model.name == case.model)

    def _test(self, case: Case) -> Test:
        return next(test for test in self.matrix.tests if test.name == case.test)

    def _tree(self, files: Mapping[str, bytes]) -> Tree:
        digest = hashlib.sha256()
        for path in sorted(files):
            digest.update(path.encode() + b"\0" + hashlib.sha256(files[path]).digest())
        key = digest.hexdigest()
        if key not in self._tried:
            self._tried[key] = copy_tree(self.site.tree, self.work / key[:16], files)
        return self._tried[key]


def copy_tree(tree: Tree, destination: Path, files: Mapping[str, bytes]) -> Tree:
    """A frozen tree of its own with some files replaced."""
    shutil.copytree(tree.path, destination, symlinks=True)
    for path, content in files.items():
        target = destination / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(content)
    return Tree.of(destination, f"{tree.sha256}+{destination.name}", tree.packages)


def run_job(
    executor: Executor, site: Site, model: Model, steps: Sequence[Step], timeout_s: float
) -> dict[int, Report]:
    """Open a model and take the steps; reports by step, 0 being the opening."""
    opening = Step("open", {"model": model_json(model), "seed": 0}, timeout_s)
    job = executor.submit(Job(site, (opening, *steps)))
    found: dict[int, Report] = {}
    while reports := executor.wait():
        for report in reports:
            if report.job == job and report.said is None:
                found[report.step] = report
                if report.last:
                    return found
    return found


def model_json(model: Model) -> dict[str, Any]:
    """The fields of `patcher.targets.adapter.Model`."""
    return {"name": model.name, "options": dict(model.options)}


def test_json(test: Test) -> dict[str, Any]:
    """The fields of `patcher.targets.adapter.Test`."""
    return {"name": test.name, "options": dict(test.options), "seed": test.seed}


def _flat(value: Any, key: str = "") -> list[str]:
    if isinstance(value, dict):
        return [
            text
            for name, item in value.items()
            for text in _flat(item, f"{key}.{name}" if key else str(name))
        ]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return []
    return [f"{key} {value}"]
