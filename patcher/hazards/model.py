"""The values a scan speaks in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.hazards.static import ModuleMap


@dataclass(frozen=True)
class StaticMap:
    """The static map of a set of files.

    Attributes:
        modules: files with at least one entry or an error, by path.
        files, lines: how many were read.
        torch: some file names torch; where none does there are no tensors of its to map.
    """

    modules: tuple[ModuleMap, ...]
    files: int
    lines: int
    torch: bool = False

    def totals(self) -> Mapping[str, int]:
        """Entries by kind."""
        result: dict[str, int] = {}
        for module in self.modules:
            for kind, count in module.counts().items():
                result[kind] = result.get(kind, 0) + count
        return result


@dataclass(frozen=True)
class Place:
    """A line of the target, as on pristine."""

    file: str
    line: int
    function: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


@dataclass(frozen=True)
class Hazard:
    """A place that will fail, or change its answer, under a patch.

    Attributes:
        kind: ``inplace-update``, ``saved-for-backward``, ``requires-grad``, ``version-counter``,
            ``backward``, ``channels-last-rank``, ``mixed-dtype`` or ``exception``.
        at: where it happens; ``made`` where the tensor was made.
        under: what the patch does that leads to it.
        fires_when: the condition that was seen.
        remedy: a patch of the catalogue that removes it, or None.
        cases: ``MODEL / TEST`` where it was seen.
        note: what would serve instead, when there is something to say.
    """

    kind: str
    at: Place
    under: str
    patch: str
    made: Place | None = None
    fires_when: str | None = None
    remedy: str | None = None
    cases: tuple[str, ...] = ()
    note: str = ""
