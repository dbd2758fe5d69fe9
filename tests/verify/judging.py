"""A verification of the small target, its patched arm made by one replacement in its source."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.execution.process import FrozenTree
from patcher.execution.results import Arm, Case, CaseResult
from patcher.targets.adapter import Matrix
from patcher.verify.judge import judge
from patcher.verify.judgement import Judgement
from patcher.verify.setup import Request
from tests.smalltarget.adapter import adapter

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "tests" / "smalltarget" / "tree"
QUICK = ("ROUNDS = 400", "ROUNDS = 2")  # the work itself is of no interest here

START = "        rng = random.Random(seed)\n"  # the first line a run executes
HIGH = "self.pitch > 200 and "  # one of the two models

Change = tuple[str, str]


@dataclass
class Watcher:
    """An observer that writes down what it is told."""

    events: list[tuple[str, ...]] = field(default_factory=list)

    def planned(self, cases: tuple[Case, ...], weights: str) -> None:
        self.events.append(("planned", str(len(cases)), weights))

    def began(self, arm: Arm, case: Case, purpose: str) -> None:
        self.events.append(("began", arm.value, str(case), purpose))

    def finished(self, result: CaseResult, purpose: str) -> None:
        word = "reused" if result.reused else result.outcome.value
        self.events.append(("finished", result.arm.value, str(result.case), purpose, word))

    def message(self, text: str) -> None:
        self.events.append(("message", text))

    def finished_runs(self, *arms: Arm, purpose: str = "run") -> list[tuple[str, str]]:
        """Case and outcome of every finished run of that purpose, in order."""
        values = {arm.value for arm in arms or Arm}
        return [
            (event[2], event[4])
            for event in self.events
            if event[0] == "finished" and event[1] in values and event[3] == purpose
        ]


def tree(folder: Path, *changes: Change, packages: tuple[str, ...] = ("hum",)) -> FrozenTree:
    """The small target at a new path, with replacements in ``hum/voice.py``."""
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    voice = folder / "hum" / "voice.py"
    text = voice.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    voice.write_text(text)
    return FrozenTree.of(folder, hashlib.sha256(text.encode()).hexdigest(), packages)


def request(
    folder: Path, *changes: Change, baseline: tuple[Change, ...] = (), **options: Any
) -> Request:
    """A request of the small target: ``changes`` in the patched arm, ``baseline`` in both."""
    at = len(list(folder.glob("baseline-*")))
    trees = {
        Arm.BASELINE: tree(folder / f"baseline-{at}", QUICK, *baseline),
        Arm.PATCHED: tree(folder / f"patched-{at}", QUICK, *baseline, *changes),
    }
    settings: dict[str, Any] = {
        "adapter": adapter,
        "version": "1.0",
        "matrix": adapter.matrix({}),
        "run_dir": folder / "runs",
        "sys_path": (str(REPOSITORY),),
        "jobs": 2,
    }
    return Request(trees=trees, **{**settings, **options})


def judged(folder: Path, *changes: Change, **options: Any) -> Judgement:
    """Judge the small target under ``changes``."""
    return judge(request(folder, *changes, **options))


def one_case() -> Matrix:
    """The first model and the first test alone."""
    whole = adapter.matrix({})
    return Matrix(whole.models[:1], whole.tests[:1])


def two_models() -> Matrix:
    """Both models, the first test alone."""
    whole = adapter.matrix({})
    return Matrix(whole.models, whole.tests[:1])


def trace(run: Callable[[], Any], tree: str, word: str) -> dict[str, str]:
    """A tracer, as a worker calls it."""
    try:
        run()
    except OSError as error:
        return {"word": word, "raised": str(error)}
    return {"word": word}


def at_start(code: str) -> tuple[str, str]:
    """Put ``code`` before the first line a run executes; ``text`` and ``self`` are at hand."""
    return (START, f"        {code}\n{START}")
