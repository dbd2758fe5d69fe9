"""Past verifications of a workspace: all of them, one again, two side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.commands.shared.run_page import page_of
from patcher.report.reading import read_record
from patcher.report.runs import comparable_to, trend
from patcher.results import (
    ComparedCase,
    CompareResult,
    HistoryResult,
    PastVerification,
    TimedRun,
)
from patcher.store.reports import Reports

if TYPE_CHECKING:
    from patcher.report.record import Record
    from patcher.store.workspace import Workspace


def history(workspace: Workspace, limit: int) -> HistoryResult:
    """The last ``limit`` verifications."""
    records = [read_record(each) for each in Reports(workspace).newest_first()]
    timed = [
        TimedRun(each.id or 0, each.series, each.speed.time_ratio)
        for each in trend(records)
        if each.speed is not None and each.speed.time_ratio is not None
    ]
    return HistoryResult([_entry(record) for record in records[:limit]], timed)


def _entry(record: Record) -> PastVerification:
    speed = record.speed
    return PastVerification(
        id=record.id or 0,
        target=record.target,
        version=record.version,
        when=record.date,
        wall_s=record.wall_s or 0.0,
        verdict=record.verdict,
        series=record.series,
        cases=len(record.cases),
        passed=record.count("pass"),
        speed=speed.verdict if speed else None,
        time_ratio=speed.time_ratio if speed else None,
        trees=record.trees,
    )


def show(workspace: Workspace, number: int) -> dict[str, Any]:
    """The object of ``patcher history show ID --json``: the verification's own, and ``page``.

    Raises:
        PatcherError: ``unknown-run``, ``state-damaged``.
    """
    return {**Reports(workspace).read(number), "page": str(page_of(workspace, number))}


def expected_s(workspace: Workspace, *, timed: bool) -> float | None:
    """What the last verification of this kind took; None where there was none."""
    for each in map(read_record, Reports(workspace).newest_first()):
        if (each.speed is not None and each.speed.measured) == timed and each.wall_s:
            return each.wall_s
    return None


def compare(workspace: Workspace, first: int, second: int) -> CompareResult:
    """Two verifications side by side.

    Raises:
        PatcherError: ``unknown-run``, ``state-damaged``.
    """
    one, other = (read_record(Reports(workspace).read(number)) for number in (first, second))
    differences = comparable_to(one, other)
    cases = []
    for model, test in dict.fromkeys((c.model, c.test) for c in (*one.cases, *other.cases)):
        result = [each.case(model, test) for each in (one, other)]
        states = [case.status if case else None for case in result]
        cases.append(ComparedCase(model, test, *states))
    return CompareResult(
        first=_entry(one),
        second=_entry(other),
        comparable=not differences,
        differences=differences,
        added=[name for name in other.series if name not in one.series],
        removed=[name for name in one.series if name not in other.series],
        cases=cases,
    )
