"""Print how many tricks of each kind are caught: ``python -m tests.redteam.rate``.

It counts what the tests promise; that they hold is for ``pytest tests/redteam`` to say.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.redteam.frame import Trick

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Kind:
    """One kind of trick, and how many of it are refused, run and gain nothing, or pass."""

    name: str
    refused: int
    harmless: int
    passing: int

    @property
    def row(self) -> str:
        total = self.refused + self.harmless + self.passing
        return f"| {self.name} | {total} | {self.refused} | {self.harmless} | {self.passing} |"


def kinds() -> Iterator[Kind]:
    """Every kind, in the order of its file's name; honest patches are none."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.stem in ("test_honest", "test_real_package", "test_table"):
            continue
        module = importlib.import_module(f"tests.redteam.{path.stem}")
        table = getattr(module, "TRICKS", None)
        name = path.stem.removeprefix("test_").replace("_", " ")
        if table is None:
            wrong = getattr(module, "SEEN", None) or module.WRONG
            passing = len(getattr(module, "OPEN", ()))
            yield Kind(name, len(wrong) - passing, 0, passing)
        else:
            yield _of(name, list(table.values()))


def _of(name: str, table: list[Trick]) -> Kind:
    passing = sum(bool(trick.open) for trick in table)
    harmless = sum(trick.must == "pass" and not trick.open for trick in table)
    return Kind(name, len(table) - passing - harmless, harmless, passing)


def report() -> str:
    """The table, as Markdown."""
    every = list(kinds())
    head = ["| kind | tricks | refused | run, gain nothing | pass |", "|---|---|---|---|---|"]
    whole = Kind(
        "all",
        sum(kind.refused for kind in every),
        sum(kind.harmless for kind in every),
        sum(kind.passing for kind in every),
    )
    return "\n".join([*head, *(kind.row for kind in [*every, whole])])


if __name__ == "__main__":
    print(report())
