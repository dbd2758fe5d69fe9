"""A long life: N calls of one model in one process an arm, compared by the gate `life`."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from patcher.execution.executor import Job, Step
from patcher.execution.results import Arm
from patcher.execution.runner import run_job
from patcher.gates.life import CALLS, Lived, judge_life, slowed_alone
from patcher.gates.result import GateResult
from patcher.targets.adapter import draw_inputs

if TYPE_CHECKING:
    from patcher.execution.executor import Executor, Report
    from patcher.execution.runner import Observer, Runner
    from patcher.targets.adapter import Test
    from patcher.verify.setup import Setup

STEPS = 3  # prepare, run, memory: of one call
LIVES = 3  # a call that gets slower does so in all of them; a neighbour slows down one


@dataclass(frozen=True)
class Life:
    """What a long life showed. ``baseline`` and ``patched`` are None where an arm did not last."""

    model: str
    calls: int
    gate: GateResult
    baseline: Lived | None = None
    patched: Lived | None = None


def live(setup: Setup, executor: Executor, runner: Runner, observer: Observer) -> Life:
    """Let both arms of the first model live through the same calls.

    What fails for its times alone is lived through again, and fails when it does so every time.
    """
    life = _one_life(setup, executor, runner, observer)
    for _ in range(1, LIVES):
        if not slowed_alone(life.gate, life.calls):
            break
        observer.message("calls got slower: once more, for a neighbour may have slowed them down")
        life = _one_life(setup, executor, runner, observer)
    return life


def _one_life(setup: Setup, executor: Executor, runner: Runner, observer: Observer) -> Life:
    model, calls = setup.request.matrix.models[0], setup.request.life
    tests = inputs_of(setup, calls)
    lived: dict[Arm, Lived] = {}
    for arm in Arm:
        observer.message(f"{calls} calls in one process: {arm.value}, {model.name}")
        site = replace(setup.sites[arm], watch={}, deterministic=False)
        opening = {"model": asdict(model), "seed": 0}
        steps = [Step("open", opening, runner.open_timeout_s(model.name))]
        for test in tests:
            request = asdict(test)
            steps.append(Step("prepare", {"tests": [request]}))
            steps.append(Step("run", {"test": request}))
            steps.append(Step("memory"))
        reports = run_job(executor, Job(site, tuple(steps)), observer)
        failed = next((each for each in reports if each.failure is not None), None)
        if failed is not None and failed.failure is not None:
            call = (failed.step - 1) // STEPS + 1
            message = f"call {call} of {calls} in one process: {failed.failure.text}"
            passed = arm is Arm.BASELINE  # nothing to hold the patched arm against
            return Life(model.name, calls, GateResult("life", passed, message), *lived.values())
        lived[arm] = measured(reports)
    gate = judge_life(lived[Arm.BASELINE], lived[Arm.PATCHED])
    return Life(model.name, calls, gate, lived[Arm.BASELINE], lived[Arm.PATCHED])


def inputs_of(setup: Setup, calls: int) -> list[Test]:
    """Inputs that all differ where the adapter can draw, else the tests of the matrix in turn.

    The first drawn one is the longest; what repeats here is the ordinary call.
    """
    request = setup.request
    model = request.matrix.models[0]
    rng = random.Random(f"{setup.plan.seed}/life")
    drawn = draw_inputs(request.adapter, rng, model, calls + 1)[1:]
    named = request.matrix.tests
    return list(drawn) or [named[at % len(named)] for at in range(calls)]


def measured(reports: list[Report]) -> Lived:
    """Memory and seconds from the answers of one arm."""
    runs = [each for each in reports if "wall_s" in each.value]
    memory = [each.value["process_mib"] for each in reports if "process_mib" in each.value]
    return Lived(tuple(memory), tuple(each.wall_s for each in runs))


__all__ = ["CALLS", "Life", "live"]
