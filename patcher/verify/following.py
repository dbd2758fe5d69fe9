"""Which edited lines run in the processes that commands and test suites start.

Each such case is run once more on the patched arm, untimed, with a tracer in every Python process
below it. Its answer was judged before and does not matter here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from patcher.execution.executor import Job, Step
from patcher.execution.results import Arm, Case
from patcher.execution.runner import run_job
from patcher.verify.exercised import watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.execution.executor import Executor
    from patcher.execution.runner import Observer, Runner
    from patcher.execution.site import WorkerSite
    from patcher.targets.adapter import Model, Test
    from patcher.verify.setup import Setup

KINDS = ("command", "tests")
SLOWER = 10.0  # a followed run may take so many times what a plain one may


@dataclass(frozen=True)
class FollowedCase:
    """What was seen of one case.

    Attributes:
        ran: lines of edited functions, by file relative to the tree.
        unseen: why lines may have run that nobody saw; empty where all were followed.
    """

    ran: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unseen: str = ""


def follow(
    setup: Setup, executor: Executor, runner: Runner, observer: Observer
) -> dict[Case, FollowedCase]:
    """Follow every case of the matrix that runs in processes of its own."""
    if not setup.request.places:
        return {}
    return {
        Case(model.name, test.name): _follow(setup, executor, runner, observer, model, test)
        for model, test in setup.request.matrix.pairs()
        if test.options.get("kind") in KINDS
    }


def followed_at(setup: Setup) -> tuple[WorkerSite, ...]:
    """Where the first followed case will run; nowhere when there is none."""
    apart = any(test.options.get("kind") in KINDS for test in setup.request.matrix.tests)
    return (_site(setup),) if apart and setup.request.places else ()


def _site(setup: Setup) -> WorkerSite:
    """Nothing is watched in the worker itself: what is followed runs below it."""
    return replace(setup.sites[Arm.PATCHED], watch={})


def _follow(
    setup: Setup,
    executor: Executor,
    runner: Runner,
    observer: Observer,
    model: Model,
    test: Test,
) -> FollowedCase:
    case = Case(model.name, test.name)
    observer.message(f"which edited lines run: {test.name}")
    spans = watched(setup.request.places)
    limit_s = SLOWER * runner.case_timeout_s(case)
    opening = {"model": asdict(replace(model, options={**model.options, "calls": []})), "seed": 0}
    steps = (
        Step("open", opening, runner.open_timeout_s(model.name)),
        Step("follow", {"test": asdict(test), "spans": spans}, limit_s),
    )
    report = run_job(executor, Job(_site(setup), steps), observer)[-1]
    if report.failure is not None:
        return FollowedCase(unseen=f"it could not be followed: {report.failure.text}")
    value = report.value
    ran = {file: tuple(lines) for file, lines in value["ran"].items()}
    if not value["processes"]:
        return FollowedCase(ran, "it starts no Python process that reads PYTHONPATH")
    if value["replaced"]:
        return FollowedCase(
            ran, "it sets a tracer of its own, and Python 3.12 alone has room for two"
        )
    return FollowedCase(ran)
