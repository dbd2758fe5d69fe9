"""Cases replayed from what the baseline recorded: every stage from the stage before it.

A job of the baseline also reads what is embedded in both arms' results (a watermark): the code
that reads it is pristine, in a process that never saw the patch.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from patcher.execution.executor import Job, Step
from patcher.execution.results import Arm, Case, CaseResult
from patcher.execution.runner import LOOK_TIMEOUT_S, Batch, Results, Runner, case_result, run_job
from patcher.execution.shared import SharedExecutor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def replay_all(
    runner: Runner,
    batches: Sequence[Batch],
    recorded: Mapping[Case, CaseResult],
    *,
    patched: Mapping[Case, CaseResult],
) -> Results:
    """Replay several batches, as many at once as there are slots."""
    count = max(1, min(len(batches), runner.executor.slots()))
    shared = SharedExecutor(runner.executor)
    views = [runner.on(shared.view()) for _ in range(count)] if count > 1 else [runner]
    waiting = deque(batches)
    results: Results = {}

    def work(view: Runner) -> None:
        while True:
            try:
                batch = waiting.popleft()
            except IndexError:
                return
            results.update(replay(view, batch.arm, batch, recorded, patched=patched))

    with ThreadPoolExecutor(count) as pool:
        try:
            list(pool.map(work, views))
        except BaseException:  # Ctrl-C too: what the others still do is not waited for
            waiting.clear()
            shared.stop()
            raise
    return results


def replay(
    runner: Runner,
    arm: Arm,
    batch: Batch,
    recorded: Mapping[Case, CaseResult],
    *,
    patched: Mapping[Case, CaseResult] | None = None,
    exact: bool = False,
) -> Results:
    """Replay the batch's cases from the baseline's ``recorded`` stages, in a fresh worker.

    Args:
        patched: the other arm's results; with them the baseline also reads what is embedded in
            both (`CaseResult.embedded`).
        exact: in double precision, which takes a multiple of the time.
    """
    opening = {"model": asdict(batch.model), "seed": 0}
    steps = [Step("open", opening, runner.open_timeout_s(batch.model.name))]
    asks: list[tuple[str, tuple[Case, ...]]] = [("open", batch.cases)]
    for test, case in zip(batch.tests, batch.cases, strict=True):
        stages = {stage.name: asdict(stage) for stage in recorded[case].stages}
        request = {"test": asdict(test), "recorded": stages, "exact": exact}
        timeout_s = (10 if exact else 2) * runner.case_timeout_s(case)
        steps.append(Step("replay", request, timeout_s))
        asks.append(("replay", (case,)))
    if arm is Arm.BASELINE and patched is not None:
        for case in batch.cases:
            steps.append(embedded_step(recorded[case], patched[case]))
            asks.append(("embedded", (case,)))
    results: Results = {}
    for report in run_job(runner.executor, Job(runner.sites[arm], tuple(steps)), runner.observer):
        op, cases = asks[report.step]
        if op == "embedded":
            for case in cases:
                read = report.value.get("embedded")
                results[arm, case] = replace(results[arm, case], embedded=read)
            continue
        if report.last:
            # What ended the job early is the result of everything that was still to come.
            cases = tuple(case for case in batch.cases if (arm, case) not in results)
        if op == "replay" or report.last:
            results.update({(arm, case): case_result(arm, case, report, {}) for case in cases})
    return results


def embedded_step(baseline: CaseResult, patched: CaseResult) -> Step:
    """Ask pristine code what is embedded in what both arms returned."""
    returned: dict[str, dict[str, Any]] = {}
    rates = {}
    for result in (baseline, patched):
        rates[result.arm.value] = result.sample_rate
        for stage in result.returned:
            returned[f"{result.arm.value}/{stage.name}"] = asdict(stage)
    return Step("embedded", {"recorded": returned, "sample_rates": rates}, LOOK_TIMEOUT_S)
