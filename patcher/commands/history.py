"""Past verifications of a workspace: all of them, one again, two side by side."""

from __future__ import annotations

from contextlib import suppress
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
from patcher.store.reports import RESULT, Reports, no_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.report.record import Record
    from patcher.store.workspace import Workspace

# What a result raises that somebody else wrote, or another version of patcher.
NO_RECORD = (KeyError, TypeError, ValueError, AttributeError)


def history(workspace: Workspace, limit: int) -> HistoryResult:
    """The last ``limit`` verifications."""
    records = list(_newest_first(workspace))
    timed = [
        TimedRun(each.id or 0, each.series, each.speed.time_ratio)
        for each in trend(records)
        if each.speed is not None and each.speed.time_ratio is not None
    ]
    return HistoryResult([_entry(record) for record in records[:limit]], timed)


def _newest_first(workspace: Workspace) -> Iterator[Record]:
    """The runs that can be read."""
    for each in Reports(workspace).newest_first():
        with suppress(*NO_RECORD):
            yield read_record(each.result)


def _record(workspace: Workspace, number: int) -> Record:
    """One run.

    Raises:
        PatcherError: ``unknown-run``, ``state-damaged``.
    """
    reports = Reports(workspace)
    kept = reports.read(number)
    try:
        return read_record(kept.result)
    except NO_RECORD:
        raise no_result(number, reports.path(number) / RESULT) from None


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
    _record(workspace, number)  # whoever shows it can read it
    return {**Reports(workspace).read(number).result, "page": str(page_of(workspace, number))}


def expected_s(workspace: Workspace, *, timed: bool) -> float | None:
    """What the last verification of this kind took; None where there was none."""
    for each in _newest_first(workspace):
        if (each.speed is not None and each.speed.measured) == timed and each.wall_s:
            return each.wall_s
    return None


def compare(workspace: Workspace, first: int, second: int) -> CompareResult:
    """Two verifications side by side.

    Raises:
        PatcherError: ``unknown-run``, ``state-damaged``.
    """
    one, other = (_record(workspace, number) for number in (first, second))
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
