"""The dynamic map: real runs of every case under a survey, cached by what ran."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.execution.executor import Executor, Job, Step
from patcher.execution.results import Arm
from patcher.hazards.diagnosis_runs import Variants, inputs_text
from patcher.hazards.static import UPDATES, EntryKind, map_source
from patcher.hazards.traces import DynamicMap, SurveyedRun
from patcher.hazards.tree import TORCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from patcher.execution.process import FrozenTree
    from patcher.execution.runner import Observer
    from patcher.targets.adapter import Model
    from patcher.verify.setup import Setup

OBSERVER = "patcher.worker.tracing.acts:observe"
FORMAT = 1  # of the cached answers: raise it when `observe` changes what it says
TIMEOUT_S = 1800.0


class NoTorchError(PatcherError):
    """The target names torch, and there is none where it runs: no tensor can be watched."""

    def __init__(self, model: str) -> None:
        super().__init__(
            "environment",
            f"there is no torch where {model} runs, and a prediction watches torch's tensors",
            hint="`patcher scan` without names maps the source and runs nothing; to predict, "
            "install torch where the target runs",
        )


@dataclass
class Surveys:
    """Runs surveys of one target; `patcher.hazards.predict.predict` asks for them.

    Args:
        setup: of a verification whose baseline is the pristine tree.
        executor, observer: as in a verification.
        cache: a folder for answers.
        work: a folder for trees that differ from the baseline.
    """

    setup: Setup
    executor: Executor
    observer: Observer
    cache: Path
    work: Path

    def __post_init__(self) -> None:
        self._variants = Variants(self.setup.sites[Arm.BASELINE].tree, self.work)

    def survey(
        self, files: Mapping[str, bytes | None], cases: Sequence[str] | None = None
    ) -> DynamicMap:
        """Run cases on pristine with some files replaced, and record what they do.

        Args:
            files: new content by path; empty for pristine itself.
            cases: ``MODEL / TEST`` names; None for all.

        Raises:
            NoTorchError: the target names torch, and there is none where it runs.
            PatcherError: ``environment`` when a worker did not live to answer.
        """
        runs: dict[str, SurveyedRun] = {}
        cached, key = True, ""
        waiting: dict[int, tuple[str, Path]] = {}
        matrix = self.setup.request.matrix
        for model in matrix.models:
            tests = [
                test
                for test in matrix.tests
                if cases is None or f"{model.name} / {test.name}" in cases
            ]
            if not tests:
                continue
            key = self._key(files, model, [asdict(test) for test in tests])
            stored = self.cache / f"{key}.json"
            if stored.is_file():
                runs[model.name] = SurveyedRun.read(json.loads(stored.read_text()))
                continue
            cached = False
            self.observer.message(
                f"surveying {model.name} ({len(tests)} test{'s' if tests[1:] else ''})"
            )
            job = self._job(files, model, [asdict(test) for test in tests])
            waiting[self.executor.submit(job)] = (model.name, stored)
        runs.update(self._collect(waiting))
        order = [model.name for model in matrix.models if model.name in runs]
        return DynamicMap(
            key,
            {name: runs[name] for name in order},
            {test.name: inputs_text(test.options) for test in matrix.tests},
            cached,
        )

    def _collect(self, waiting: dict[int, tuple[str, Path]]) -> dict[str, SurveyedRun]:
        result: dict[str, SurveyedRun] = {}
        while waiting:
            for report in self.executor.wait():
                if report.progress is not None:
                    self.observer.message(report.progress)
                    continue
                model, stored = waiting.pop(report.job)
                if report.failure is not None:
                    if "No module named 'torch'" in report.failure.text:
                        raise NoTorchError(model)
                    raise PatcherError(
                        "environment",
                        f"the survey of {model} did not end: {report.failure.text}",
                        notes=report.failure.log.strip().splitlines()[-3:],
                    )
                answer = report.value["survey"]
                result[model] = SurveyedRun.read(answer)
                stored.parent.mkdir(parents=True, exist_ok=True)
                partial = stored.with_suffix(f".{os.getpid()}")
                partial.write_text(json.dumps(answer))
                partial.replace(stored)
        return result

    def _key(self, files: Mapping[str, bytes | None], model: Model, tests: Sequence[Any]) -> str:
        """Equal keys, equal answers: tree, environment, weights, model, tests."""
        replaced = {
            path: data if data is None else hashlib.sha256(data).hexdigest()
            for path, data in files.items()
        }
        tree = self.setup.sites[Arm.BASELINE].tree
        what = [
            FORMAT,
            sorted(tree.files.items()),
            sorted(replaced.items()),
            self.setup.environment,
            self.setup.assets.fingerprint,
            asdict(model),
            tests,
        ]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]

    def _job(self, files: Mapping[str, bytes | None], model: Model, tests: Sequence[Any]) -> Job:
        tree = self._variants.tree(files)
        asked = {
            "model": asdict(model),
            "seed": 0,
            "tests": tests,
            "tracer": OBSERVER,
            "options": {"watch": guarded_updates(tree), "tensors": names_torch(tree)},
        }
        site = replace(self.setup.sites[Arm.BASELINE], tree=tree)
        return Job(site, (Step("survey", asked, TIMEOUT_S),))


def names_torch(tree: FrozenTree) -> bool:
    """Whether any file of a tree's packages names torch, as the static map says it."""
    return any(TORCH in (tree.path / path).read_bytes() for path in tree.files)


def guarded_updates(tree: FrozenTree) -> list[Mapping[str, str | int]]:
    """Lines of a tree's packages that update something, for their tests to be followed."""
    result: list[Mapping[str, str | int]] = []
    for path in sorted(tree.files):
        lines = {
            entry.line
            for entry in map_source((tree.path / path).read_bytes(), path).entries
            if entry.kind in UPDATES and entry.kind is not EntryKind.INIT
        }
        result += [{"file": path, "line": line} for line in sorted(lines)]
    return result
