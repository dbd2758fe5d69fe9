"""The cases of the spec language, as data: `tests/rewrite/cases` and `tests/rewrite/breadth`.

The pages show them and the tests run them; both read them here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from patcher.patchfile import nodes

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "rewrite"
CASES = FOLDER / "cases"
BREADTH = FOLDER / "breadth"
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
    result = []
    for path in sorted(CASES.glob("*.yaml")):
        if not topics or path.stem in topics:
            result += _read(path)
    return result


def _read(path: Path) -> list[Case]:
    root = nodes.compose(path.read_text("utf-8"))
    assert isinstance(root, nodes.Sequence)
    result = []
    for item in root.items:
        assert isinstance(item, nodes.Mapping)
        values = {k: v.value for k, v in item.entries.items() if isinstance(v, nodes.Scalar)}
        unknown = set(values) - {"it", "before", "edit", "after", "error"}
        assert not unknown, f"{path.name}: unknown keys {unknown}"
        result.append(
            Case(
                path.stem,
                values["it"],
                values.get("before", ""),
                values["edit"],
                values.get("after"),
                values.get("error"),
            )
        )
    return result


@dataclass(frozen=True)
class Rule:
    """A rule of another tool: how it is said, or what it would need; both when in part."""

    tool: str
    name: str
    case: Case | None
    needs: str


def rules() -> list[Rule]:
    """The rules of other tools that the language is measured by."""
    result = []
    for path in sorted(BREADTH.glob("*.yaml")):
        root = nodes.compose(path.read_text("utf-8"))
        assert isinstance(root, nodes.Sequence)
        for item in root.items:
            assert isinstance(item, nodes.Mapping)
            values = {k: v.value for k, v in item.entries.items() if isinstance(v, nodes.Scalar)}
            assert set(values) <= {"rule", "before", "edit", "after", "needs"}
            case = None
            if "edit" in values:
                name, before = values["rule"], values["before"]
                case = Case(path.stem, name, before, values["edit"], values.get("after"), None)
            result.append(Rule(path.stem, values["rule"], case, values.get("needs", "")))
    return result
