"""What `verify --bench` hands to `judge`: the plan, the budget and a line of progress a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from patcher.verify.bench.speed import PLANS
from patcher.verify.bench.timing import measure_speed

if TYPE_CHECKING:
    from patcher.verify.bench.records import ProcessTiming
    from patcher.verify.bench.report import BenchReport
    from patcher.verify.judge import Bench
    from patcher.verify.model import CaseJudgement
    from patcher.workflow.wanted import Wanted


def speedometer(wanted: Wanted) -> Callable[[Bench, Sequence[CaseJudgement]], BenchReport]:
    """The ``measure_speed`` of `judge` for these options."""
    plan = PLANS[wanted.plan or "quick"]

    def measure(bench: Bench, cases: Sequence[CaseJudgement]) -> BenchReport:
        def progress(index: int, timing: ProcessTiming) -> None:
            arm = timing.arm.value
            bench.observer.said(f"pair {index + 1} of at most {plan.pairs}: {arm} timed")

        return measure_speed(
            bench, cases, plan=plan, budget_s=wanted.budget, aa=wanted.aa, progress=progress
        )

    return measure
