"""The calls beyond the matrix, on the page: which were made, why, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.report.words import count

if TYPE_CHECKING:
    from patcher.report.record import FurtherCall, Record

REASONS = {
    "drawn": "input drawn",
    "edge": "input at the edge",
    "reseeded": "another seed",
    "again": "once more",
    "refused": "must be refused",
    "entry": "another way in",
}


@dataclass(frozen=True)
class FurtherView:
    """All further calls of a verification, those that fail first."""

    heading: str
    open: bool
    rows: tuple[tuple[FurtherCall, str, str], ...]


def view(record: Record) -> FurtherView | None:
    """None where no call was made beyond the matrix; open where nothing else fails."""
    calls = sorted(record.further, key=lambda call: call.case.status != "fail")
    if not calls:
        return None
    judged = sum(call.case.status != "not-applicable" for call in calls)
    passed = sum(call.case.status == "pass" for call in calls)
    heading = f"{passed} of {count(judged, 'further call')} {'passes' if judged == 1 else 'pass'}"
    if "seed" in record.inputs:
        heading += f"; drawn from seed {record.inputs['seed']}"
    rows = tuple((call, REASONS.get(call.kind, call.kind), _said(call)) for call in calls)
    # Where cases of the matrix fail, the reason is theirs, and told below.
    alone = passed < judged and not record.count("fail")
    return FurtherView(heading, alone, rows)


def _said(call: FurtherCall) -> str:
    """What there is to say of a call: its error, or where it differs, in one line."""
    difference = call.case.difference.message if call.case.difference is not None else ""
    return next(iter((call.case.error or difference).splitlines()), "")
