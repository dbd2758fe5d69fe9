"""What ``patcher scan`` returns: frozen values whose fields are the keys of ``--json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.results.writing import unwritten

if TYPE_CHECKING:
    from patcher.hazards.model import Hazard, Place, StaticMap
    from patcher.hazards.static import EntryKind, ModuleMap
    from patcher.hazards.summary import DynamicSummary


@dataclass(frozen=True)
class HazardOutcome:
    """A place that will fail, or change its answer, under a patch.

    Attributes:
        where: the file, relative to the import root; ``line`` is its line on pristine.
        source: the statement; ``function`` the one that it stands in.
        created_at: where the tensor was made, ``FILE:LINE FUNCTION``.
        under: what the patch does that leads to it.
        fires_when: the condition that was seen.
        remedy: a patch of the catalogue that removes it.
        cases: ``MODEL / TEST`` where it was seen.
        note: what would serve instead, where there is something to say.
        made: ``created_at`` as a place. Not in the JSON.
    """

    kind: str
    where: str
    line: int
    function: str
    source: str
    created_at: str | None
    under: str
    patch: str
    fires_when: str | None
    remedy: str | None
    cases: Sequence[str]
    note: str
    made: Place | None = unwritten()


@dataclass(frozen=True, kw_only=True)
class ScannedHazard(HazardOutcome):
    """The same with whether its line is outside the target: in a workload or an adapter."""

    outside: bool


@dataclass(frozen=True)
class MappedEntry:
    """One place of the static map, as in `patcher.hazards.static.MapEntry`."""

    kind: EntryKind
    function: str
    line: int
    end_line: int
    source: str
    detail: str


@dataclass(frozen=True)
class MappedFile:
    """A file's entries by line; ``error`` says why there are none."""

    file: str
    error: str
    entries: Sequence[MappedEntry]


@dataclass(frozen=True)
class MappedPackage:
    """The static map of a package.

    Attributes:
        files, lines: how many were read.
        torch: some file names torch; where none does there are no tensors of its to map.
        totals: entries by kind.
        modules: files with at least one entry or an error.
    """

    files: int
    lines: int
    torch: bool
    totals: Mapping[str, int]
    modules: Sequence[MappedFile]


@dataclass(frozen=True)
class DraftedSpec:
    """A spec that takes a hazard away."""

    name: str
    text: str


@dataclass(frozen=True)
class ScanResult:
    """``patcher scan``.

    Attributes:
        hazards: what the patches will break; empty also where nothing was ``predicted``.
        static: the map of the target's code and of each package asked for, by name.
        dynamic: what the cases do on pristine; None where nothing was run for it.
        drafts: ``--draft``: specs that take hazards away.
    """

    hazards: Sequence[ScannedHazard]
    predicted: bool
    static: Mapping[str, MappedPackage]
    dynamic: DynamicSummary | None
    drafts: Sequence[DraftedSpec] = ()


def hazard_outcome(hazard: Hazard) -> HazardOutcome:
    """What is returned and written of a prediction."""
    return HazardOutcome(
        kind=hazard.kind,
        where=hazard.at.file,
        line=hazard.at.line,
        function=hazard.at.function,
        source=hazard.at.source,
        created_at=str(hazard.made) if hazard.made else None,
        under=hazard.under,
        patch=hazard.patch,
        fires_when=hazard.fires_when,
        remedy=hazard.remedy,
        cases=hazard.cases,
        note=hazard.note,
        made=hazard.made,
    )


def scanned_hazard(hazard: Hazard, *, outside: bool) -> ScannedHazard:
    """The same of a scan."""
    return ScannedHazard(**vars(hazard_outcome(hazard)), outside=outside)


def mapped_package(static: StaticMap) -> MappedPackage:
    """A package's static map."""
    return MappedPackage(
        static.files,
        static.lines,
        static.torch,
        static.totals(),
        [_mapped_file(each) for each in static.modules],
    )


def _mapped_file(module: ModuleMap) -> MappedFile:
    entries = [
        MappedEntry(each.kind, each.function, each.line, each.end_line, each.source, each.detail)
        for each in module.entries
    ]
    return MappedFile(module.file, module.error, entries)
