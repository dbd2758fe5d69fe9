"""From failed cases to diagnoses: traced where something was raised, plain where nothing was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import readable_patches
from patcher.execution.results import Outcome
from patcher.hazards import diagnosis_runs
from patcher.patchfile.versions import fits
from patcher.verify.judgement import CaseJudgement, Diagnosis, Status

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy
    from patcher.verify.judge import Bench, Explain


def explainer(copy: WorkingCopy, patches: Sequence[Patch], scratch: Path) -> Explain:
    """The ``explain`` of `patcher.verify.judge.judge` for an applied series."""
    applied = {patch.name for patch in patches}

    def remedies() -> list[Patch]:
        known, _ = readable_patches(copy.workspace)
        return [
            patch
            for patch in known
            if patch.name not in applied and fits(patch, copy.target, copy.version, copy.packages)
        ]

    traced = diagnosis_runs.explainer(patches, remedies, scratch / "remedies")

    def explain(failed: Sequence[CaseJudgement], bench: Bench) -> Sequence[Diagnosis]:
        raised = [
            case
            for case in failed
            if case.patched is not None and case.patched.outcome is Outcome.EXCEPTION
        ]
        others = [case for case in failed if case not in raised]
        if raised:
            bench.observer.said(f"tracing what made {len(raised)} cases fail")
        return [*(traced(raised, bench) if raised else ()), *plain(others)]

    return explain


def plain(failed: Sequence[CaseJudgement]) -> list[Diagnosis]:
    """Failures without a traceback, one diagnosis for each distinct cause."""
    groups: dict[str, list[CaseJudgement]] = {}
    for case in failed:
        groups.setdefault(_cause(case), []).append(case)
    return [
        Diagnosis(
            error=cases[0].error or cases[0].status.value,
            cause=cause,
            cases=tuple(case.case for case in cases),
        )
        for cause, cases in groups.items()
    ]


def _cause(case: CaseJudgement) -> str:
    patched = case.patched
    gate = case.failed_gate
    if case.flaky:
        return "it failed once and passed when repeated: the patched code is not deterministic"
    if patched is not None and patched.outcome is not Outcome.OK:
        doing = patched.failure.stage if patched.failure else "run"
        return f"the patched worker ended with `{patched.outcome.value}` during {doing!r}"
    if gate is not None:
        return f"the patched output does not pass the gate `{gate.gate}`"
    return case.note or Status.FAIL.value
