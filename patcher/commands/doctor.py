"""`patcher doctor`: the workspace's and the environment's state, and what guards workers here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patcher.results import DoctorResult
from patcher.store.doctor import ORDER, Finding
from patcher.store.doctor import doctor as findings_of

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def doctor(workspace: Workspace) -> DoctorResult:
    """Everything there is to say, problems first; changes nothing."""
    findings = [*findings_of(workspace), *guards()]
    return DoctorResult(sorted(findings, key=lambda each: ORDER[each.level]))


def guards() -> Iterator[Finding]:
    """Which guards hold the workers of a verification on this machine, and which are missing."""
    from patcher.execution.sandbox import Policy, kernel

    policy = Policy(kernel=kernel())
    yield Finding("ok", "guards", f"workers are held by: {', '.join(policy.guards)}")
    for guard, why in policy.missing.items():
        yield Finding(
            "note", "guards", f"no guard {guard}: {why}", "SECURITY.md says what follows from it"
        )
