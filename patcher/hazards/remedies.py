"""Which patches of the catalogue may remove a hazard or the cause of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.patchfile.model import Edit, Patch


def candidates(
    responsible: str | None,
    ends: Sequence[tuple[str, str]],
    applied: Sequence[Patch],
    catalogue: Sequence[Patch],
) -> list[Patch]:
    """Patches worth trying: companions of the responsible one, then editors of either end.

    Args:
        responsible: name of the patch behind the failure.
        ends: ``(file, function)`` where it fails, and where the tensor was made.
        applied: the series; its members are no remedy, nor are reproductions of failures.
    """
    names = {patch.name for patch in applied}
    companions = [
        name for patch in applied if patch.name == responsible for name in patch.companions
    ]
    ranked = []
    for patch in catalogue:
        if patch.name in names or patch.reproduction:
            continue
        near = [rank for rank, end in enumerate(ends) if edits(patch, *end)]
        if patch.name in companions:
            ranked.append((0, companions.index(patch.name), patch))
        elif near:
            ranked.append((1, near[0], patch))
    return [patch for *_, patch in sorted(ranked, key=lambda entry: entry[:2])]


def edits(patch: Patch, file: str, function: str) -> bool:
    """Whether a patch edits a function of a file."""
    return any(edit.file == file and _holds(edit, function) for edit in patch.edits)


def _holds(edit: Edit, function: str) -> bool:
    """Whether an edit is inside a function; one without ``within`` may be anywhere."""
    if edit.within is None:
        return True
    segments, given = edit.within.split("."), function.split(".")
    return len(segments) <= len(given) and all(
        one in ("*", other) for one, other in zip(segments, given, strict=False)
    )
