"""Runs the cases of `cases/*.yaml`: before, edit, and after or the exact error."""

from __future__ import annotations

from docs.case_files import FILE, Case
from patcher.errors import PatcherError
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.plan import Plan, plan_patches
from patcher.rewrite.problem import render_problem


def read(case: Case) -> Patch:
    return read_spec(case.spec, "patches/p.yaml")


def plan(patch: Patch, before: bytes) -> Plan:
    return plan_patches([patch], {FILE: before}.get)


def outcome(case: Case) -> tuple[str | None, str | None]:
    """What the engine says of a case: the new text, or the rendered errors."""
    try:
        patch = read(case)
        planned = plan(patch, case.before.encode())
    except PatcherError as error:
        hint = f"\n  help: {error.hint}" if error.hint else ""
        lines = [f"error[{error.code}]: {error.message}", f"  --> {error.where}", *error.notes]
        return None, "\n".join(lines) + hint + "\n"
    if planned.problems:
        return None, "\n".join(map(render_problem, planned.problems)) + "\n"
    return planned.files.get(FILE, case.before.encode()).decode(), None
