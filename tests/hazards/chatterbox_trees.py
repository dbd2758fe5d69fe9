"""Frozen trees of the installed Chatterbox, and what is needed to run them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from patcher.execution.executor import LocalExecutor
from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import Arm
from patcher.execution.runner import Batch, Runner, Silent
from patcher.hazards.diagnosis_runs import copy_tree, tree_reader
from patcher.hazards.dynamic import Surveys
from patcher.hazards.static import map_source, scopes
from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.replay import replay
from patcher.targets.adapter import Options
from patcher.verify.setup import Request, Setup, prepare
from tests.hazards.embedding import REPOSITORY

PACKAGES = ("chatterbox",)


@dataclass
class Target:
    """Chatterbox at a path of its own, with workers ready to run it."""

    folder: Path
    setup: Setup
    executor: LocalExecutor
    surveys: Surveys

    @property
    def tree(self) -> FrozenTree:
        return self.setup.sites[Arm.BASELINE].tree

    def read(self, path: str) -> bytes | None:
        return tree_reader(self.tree.path)(path)

    def patched(self, name: str, patches: Sequence[Patch]) -> FrozenTree:
        return copy_tree(self.tree, self.folder / name, replay(self.read, patches))

    def site(self, tree: FrozenTree) -> WorkerSite:
        """Where a tree is run."""
        return replace(self.setup.sites[Arm.BASELINE], tree=tree)

    def failures(self, tree: FrozenTree) -> dict[str, tuple[str, int, str]]:
        """By test that fails on a tree: file, line and text."""
        matrix = self.setup.request.matrix
        batches = [Batch(Arm.PATCHED, model, matrix.tests) for model in matrix.models]
        runner = Runner(self.executor, {Arm.PATCHED: self.site(tree)}, Silent())
        actual = {}
        for (_, case), result in runner.run(batches).items():
            if result.failure is not None:
                last = [each for each in result.failure.frames if each.in_target][-1]
                actual[str(case)] = (last.file, last.line, result.failure.message)
        return actual


@contextmanager
def target(
    folder: Path, adapter: Any, options: Options, *edits: tuple[str, str, str]
) -> Iterator[Target]:
    """Chatterbox with some text of it replaced before any patch: ``(file, old, new)``."""
    where = distribution("chatterbox-tts")
    root = folder / "pristine"
    for path in where.files or ():
        source = Path(str(where.locate_file(path)))
        if path.parts[0].startswith("chatterbox") and source.suffix != ".pyc" and source.is_file():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, root / path)
    for file, old, new in edits:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new))
    tree = FrozenTree.of(root, "pristine", PACKAGES)
    request = Request(
        adapter,
        where.version,
        {Arm.BASELINE: tree},
        adapter.matrix({}),
        folder / "runs",
        options,
        sys_path=(str(REPOSITORY),),
    )
    with LocalExecutor(1) as executor:
        setup = prepare(request, executor, 1, Silent())
        surveys = Surveys(setup, executor, Silent(), folder / "cache", folder / "surveyed")
        yield Target(folder, setup, executor, surveys)


def shipped(*names: str) -> list[Patch]:
    """Patches of the shipped catalogue."""
    catalogue = load_catalogue(None)
    return [catalogue.get(name) for name in names]


def every_no_grad(tree: FrozenTree) -> Patch:
    """A patch that turns every `no_grad` scope of the package into inference mode."""
    lines = [
        "patch: every_no_grad",
        "summary: every scope of the package",
        "target: chatterbox-tts",
        "equivalence: bitwise",
        "edits:",
    ]
    for path in sorted(tree.files):
        source = (tree.path / path).read_bytes()
        for scope in scopes(map_source(source, path)):
            if scope.detail != "no_grad":
                continue
            lines += [f"  - file: {path}", f"    within: {scope.function}"]
            if scope.decorator:
                lines += ["    decorator: torch.no_grad()", "    with: torch.inference_mode()"]
            else:
                for key, mode in (("match", "no_grad"), ("with", "inference_mode")):
                    lines += [f"    {key}: |", f"      with torch.{mode}():", "          $$$BODY"]
    return read_spec("\n".join([*lines, ""]), "every_no_grad.yaml")
