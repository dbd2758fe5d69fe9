"""Past verifications of a workspace, from the run databases of its targets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from patcher.execution.rundb import RunDb
from patcher.results import HistoryResult, PastVerification

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def history(workspace: Workspace, limit: int) -> HistoryResult:
    """The last ``limit`` verifications of every target."""
    found = []
    for target in workspace.targets():
        path = workspace.private_dir / target / "runs" / "runs.sqlite"
        if path.is_file():
            found += [_entry(target, one) for one in RunDb(path).history(limit)]
    found.sort(key=lambda past: past.when, reverse=True)
    return HistoryResult(found[:limit])


def _entry(target: str, one: dict[str, Any]) -> PastVerification:
    cases = one["cases"]
    speed = one.get("speed") or {}
    return PastVerification(
        target=target,
        when=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(one["started_at"])),
        wall_s=one["wall_s"],
        verdict=one["verdict"],
        series=one.get("series", []),
        cases=len(cases),
        passed=sum(case["status"] == "pass" for case in cases),
        speed=speed.get("verdict"),
        time_ratio=speed.get("time_ratio"),
        trees=one["trees"],
    )
