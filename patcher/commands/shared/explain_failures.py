"""From failed cases to diagnoses: traced where something was raised, plain where nothing was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import readable_patches
from patcher.execution.results import Arm, Outcome
from patcher.hazards import diagnosis_runs
from patcher.hazards.outputs import attributed, explain_outputs
from patcher.patchfile.versions import fits
from patcher.report.words import count

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy
    from patcher.verify.judge import Bench, Explain
    from patcher.verify.judgement import CaseJudgement, Diagnosis


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

    return _explaining(diagnosis_runs.explainer(patches, remedies, scratch / "remedies"), said=True)


def quick_explainer(patches: Sequence[Patch]) -> Explain:
    """The same from what the judged runs showed alone: nothing is traced, no remedy is sought."""
    return _explaining(diagnosis_runs.untraced(patches), said=False)


def _explaining(of_raised: Explain, *, said: bool) -> Explain:
    """Both kinds of failure: ``of_raised`` explains those that raised something."""

    def explain(failed: Sequence[CaseJudgement], bench: Bench) -> Sequence[Diagnosis]:
        raised = [
            case
            for case in failed
            if case.patched is not None and case.patched.outcome is Outcome.EXCEPTION
        ]
        others = [case for case in failed if case not in raised]
        if raised and said:
            bench.observer.message(f"tracing what made {count(len(raised), 'case')} fail")
        sites, places = bench.setup.sites, bench.setup.request.places
        pristine, patched = (
            diagnosis_runs.tree_reader(sites[arm].tree.path) for arm in (Arm.BASELINE, Arm.PATCHED)
        )
        explained = of_raised(raised, bench) if raised else ()
        return [
            *attributed(explained, raised, places, pristine, patched),
            *explain_outputs(others, places, pristine, patched),
        ]

    return explain
