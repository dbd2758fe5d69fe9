"""Runs the cases of `cases/*.yaml`: before, edit, and after or the exact error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from patcher.errors import PatcherError
from patcher.patchfile import nodes
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.plan import Plan, plan_patches
from patcher.rewrite.problem import render_problem

CASES = Path(__file__).parent / "cases"
FILE = "m.py"
HEADER = "patch: p\nsummary: a case\ntarget: pkg\nequivalence: bitwise\nedits:\n"


@dataclass(frozen=True)
class Case:
    """One case: ``edit`` is the text of one edit without its file, or of a list of edits."""

    topic: str
    it: str
    before: str
    edit: str
    after: str | None
    error: str | None

    @property
    def spec(self) -> str:
        """The whole spec: one edit gets its `file` in front."""
        if self.edit.lstrip().startswith("- "):
            return HEADER + indent(self.edit, "  ")
        return HEADER + f"  - file: {FILE}\n" + indent(self.edit, "    ")


def cases(*topics: str) -> list[Case]:
    """The cases of some topics (all by default), in the order of the files."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        if not topics or path.stem in topics:
            found += _read(path)
    return found


def _read(path: Path) -> list[Case]:
    root = nodes.compose(path.read_text("utf-8"))
    assert isinstance(root, nodes.Sequence)
    found = []
    for item in root.items:
        assert isinstance(item, nodes.Mapping)
        values = {k: v.value for k, v in item.entries.items() if isinstance(v, nodes.Scalar)}
        unknown = set(values) - {"it", "before", "edit", "after", "error"}
        assert not unknown, f"{path.name}: unknown keys {unknown}"
        found.append(
            Case(
                path.stem,
                values["it"],
                values.get("before", ""),
                values["edit"],
                values.get("after"),
                values.get("error"),
            )
        )
    return found


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
