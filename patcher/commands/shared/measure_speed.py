"""What `verify --bench` hands to `judge`: the plan, the budget and a line of progress a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from patcher.bench.speed import PLANS
from patcher.bench.timing import TimingObserver
from patcher.report.bench_progress import BenchProgress, expected
from patcher.verify.timing import TimingOptions, measure_speed

if TYPE_CHECKING:
    from patcher.bench.forecast import Forecast
    from patcher.bench.records import ProcessTiming
    from patcher.bench.report import BenchReport
    from patcher.patchfile.model import Patch
    from patcher.verify.judge import Bench
    from patcher.verify.judgement import CaseJudgement
    from patcher.verify.options import VerifyOptions


def speedometer(
    options: VerifyOptions, patches: Sequence[Patch]
) -> Callable[[Bench, Sequence[CaseJudgement]], BenchReport]:
    """The ``measure_speed`` of `judge` for these options and these patches."""
    declares = frozenset(each for patch in patches for each in patch.declares)
    plan = PLANS[options.plan or "quick"]

    def measure(bench: Bench, cases: Sequence[CaseJudgement]) -> BenchReport:
        shown = BenchProgress(plan.pairs)
        apart = options.clock is not None  # a call takes long there: no process for a forecast
        if not apart:
            bench.observer.message(
                "timing: the baseline twice, to see how long it takes and how it varies"
            )

        def announce(forecast: Forecast) -> None:
            nonlocal shown
            shown = BenchProgress(plan.pairs)  # the pace of what is still to come
            bench.observer.message(expected(forecast))

        def progress(index: int, timing: ProcessTiming) -> None:
            bench.observer.message(shown.sentence(index, timing))

        return measure_speed(
            bench,
            cases,
            options=TimingOptions(plan, options.budget, options.aa, declares),
            observer=TimingObserver(progress, None if apart else announce),
        )

    return measure
