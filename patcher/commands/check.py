"""`patcher check`: lint specs and run their fixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import concerns
from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.report.words import count
from patcher.results import CheckResult, as_json

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def check(workspace: Workspace, names: Sequence[str], *, everything: bool = False) -> CheckResult:
    """Lint specs and run their fixtures.

    Args:
        names: without any, what concerns the workspace: its own specs and those for its targets.
        everything: without names, all of the catalogue.

    Raises:
        PatcherError: ``check-failed`` with every problem; ``unknown-patch``.
    """
    from patcher.patchfile.schema import PATH as SCHEMA_PATH
    from patcher.rewrite.check import check_names, check_patch
    from patcher.rewrite.problem import render_problem

    known = load_catalogue(workspace.root)
    names_to_check = (
        list(known.patches) if not names else [each.name for each in known.expand(names)]
    )
    rendered: list[str] = []
    readable = {}
    fixtures = 0
    for name in names_to_check:
        try:
            readable[name] = known.get(name)
        except PatcherError as error:
            rendered.append(_rendered(error))
    elsewhere: list[str] = []
    if not names and not everything:
        concerned = concerns(workspace)
        elsewhere = [
            name for name, patch in readable.items() if not concerned(patch, known.paths[name])
        ]
    for patch in (each for name, each in readable.items() if name not in elsewhere):
        fixtures += sum(len(form.tests) for form in patch.forms)
        rendered += [render_problem(problem) for problem in check_patch(patch)]
    if len(readable) == len(known.paths):  # else a name may be that of a spec with a mistake in it
        rendered += [render_problem(problem) for problem in check_names(readable, known.sets)]
    checked = [name for name in names_to_check if name not in elsewhere]
    result = CheckResult(checked, fixtures, rendered, SCHEMA_PATH, len(elsewhere))
    if rendered:
        message = f"{count(len(rendered), 'problem')} in {count(len(checked), 'spec')}"
        raise PatcherError("check-failed", message, notes=rendered, payload=as_json(result))
    return result


def _rendered(error: PatcherError) -> str:
    lines = [f"error[{error.code}]: {error.message}"]
    lines += [f"  --> {error.where}"] if error.where else []
    return "\n".join([*lines, *(f"  {note}" for note in error.notes), f"  help: {error.help}"])
