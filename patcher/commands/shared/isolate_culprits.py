"""`verify --isolate`: judge parts of a failing series until the culprits are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.shared.freeze_trees import freeze, loosest, new_tree
from patcher.commands.shared.replay_series import patches_of, replayed
from patcher.errors import PatcherError
from patcher.execution.results import Arm
from patcher.execution.runner import Silent
from patcher.verify.isolate import Isolation, isolate
from patcher.verify.judge import judge
from patcher.verify.judgement import Verdict

if TYPE_CHECKING:
    from patcher.execution.runner import Observer
    from patcher.store.state import Applied
    from patcher.store.working_copy import WorkingCopy
    from patcher.verify.setup import Request


def isolate_culprits(
    copy: WorkingCopy,
    request: Request,
    firm: Sequence[Applied],
    scratch: Path,
    observer: Observer,
) -> Isolation:
    """Find which patches of the series are to blame; ``firm`` passed this request before."""
    by_name = {each.name: each for each in copy.series}
    suspects = [each.name for each in copy.series if each not in firm]

    def passes(names: Sequence[str]) -> bool | None:
        series = tuple(each for each in copy.series if each in firm or each.name in names)
        patches = patches_of(series)
        present = {patch.name for patch in patches}
        if any(need not in present for patch in patches for need in patch.requires):
            return None
        observer.message(f"isolating: trying {', '.join(names)}")
        try:
            files = replayed(copy, series)
        except PatcherError:
            return None  # what is left does not fit without what was taken out
        tree = freeze(copy, new_tree(scratch), files)
        trees = {**request.trees, Arm.PATCHED: tree}
        asked = replace(request, trees=trees, equivalence=loosest(patches), fail_fast=True)
        return judge(asked, Silent()).verdict is Verdict.PASS

    result = isolate(suspects, passes)
    kept = (*(each.name for each in firm), *result.kept)
    return replace(result, kept=tuple(name for name in by_name if name in kept))
