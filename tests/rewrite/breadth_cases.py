"""The rules of other tools that the language is measured by: `breadth/*.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patcher.patchfile import nodes
from tests.rewrite.support import Case

BREADTH = Path(__file__).parent / "breadth"


@dataclass(frozen=True)
class Rule:
    """A rule of another tool: how it is said, or what it would need; both when in part."""

    tool: str
    name: str
    case: Case | None
    needs: str


def rules() -> list[Rule]:
    found = []
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
            found.append(Rule(path.stem, values["rule"], case, values.get("needs", "")))
    return found
