"""`patcher check`: lint specs and run their fixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.results import CheckResult, as_json

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def check(workspace: Workspace, names: Sequence[str]) -> CheckResult:
    """Lint specs and run their fixtures; all of the catalogue when none is named.

    Raises:
        PatcherError: ``check-failed`` with every problem; ``unknown-patch``.
    """
    from patcher.patchfile.schema import PATH as SCHEMA_PATH
    from patcher.rewrite.check import check_names, check_patch
    from patcher.rewrite.problem import render_problem

    known = load_catalogue(workspace.root)
    wanted = list(known.patches) if not names else [one.name for one in known.expand(names)]
    rendered: list[str] = []
    readable = {}
    fixtures = 0
    for name in wanted:
        try:
            readable[name] = known.get(name)
        except PatcherError as error:
            rendered.append(_rendered(error))
    for patch in readable.values():
        fixtures += sum(len(form.tests) for form in patch.forms)
        rendered += [render_problem(problem) for problem in check_patch(patch)]
    if len(readable) == len(known.paths):  # else a name may be that of a spec with a mistake in it
        rendered += [render_problem(problem) for problem in check_names(readable, known.sets)]
    result = CheckResult(wanted, fixtures, rendered, SCHEMA_PATH)
    if rendered:
        counted = f"{len(rendered)} problem{'s' if len(rendered) > 1 else ''}"
        message = f"{counted} in {len(wanted)} specs"
        raise PatcherError("check-failed", message, notes=rendered, payload=as_json(result))
    return result


def _rendered(error: PatcherError) -> str:
    lines = [f"error[{error.code}]: {error.message}"]
    lines += [f"  --> {error.where}"] if error.where else []
    return "\n".join([*lines, *(f"  {note}" for note in error.notes), f"  help: {error.help}"])
