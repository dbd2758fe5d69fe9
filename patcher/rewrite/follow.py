"""Following a target to another version: what still fits, what moved, what is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from patcher.patchfile.kinds import kind_of
from patcher.patchfile.model import Edit, Expect, Patch
from patcher.rewrite.file import WRITABLE, rewrite_file

if TYPE_CHECKING:
    from patcher.rewrite.outcome import EditOutcome, Site


class EditFit(str, Enum):
    """What became of an edit's site."""

    FITS = "fits"
    MOVED = "moved"  # the same code stands in another definition or file
    GONE = "gone"


@dataclass(frozen=True)
class Followed:
    """One edit on another tree.

    Attributes:
        outcome: what planning says there.
        file, site: where the code is now; None when it is gone.
    """

    patch: str
    edit: Edit
    fit: EditFit
    outcome: EditOutcome
    file: str | None = None
    site: Site | None = None


def follow(
    patches: Sequence[Patch], read: Callable[[str], bytes | None], paths: Iterable[str]
) -> list[Followed]:
    """Say of each edit what became of its site on another tree.

    Args:
        patches: each is looked at on its own, on the tree as it is.
        read: content by path relative to the import root; None when there is none.
        paths: all files of the tree.
    """
    sources = [path for path in paths if path.endswith(".py")]
    result = []
    for patch in patches:
        for edit in patch.edits:
            result.append(_edit(patch, edit, read, sources))
    return result


def _edit(
    patch: Patch, edit: Edit, read: Callable[[str], bytes | None], paths: Sequence[str]
) -> Followed:
    outcome = _plan(patch, edit, read)
    if outcome.status in WRITABLE:
        site = outcome.sites[0] if outcome.sites else None
        return Followed(patch.name, edit, EditFit.FITS, outcome, edit.file, site)
    for moved in _elsewhere(edit, paths):
        other = _plan(patch, moved, read)
        if other.status in WRITABLE and other.sites:
            return Followed(patch.name, edit, EditFit.MOVED, outcome, moved.file, other.sites[0])
    return Followed(patch.name, edit, EditFit.GONE, outcome)


def _elsewhere(edit: Edit, paths: Sequence[str]) -> Iterable[Edit]:
    """The edit for other places: anywhere in its file, its definition in other files, then all."""
    if not kind_of(edit).takes_within:
        return
    places: list[str | None] = [None]
    if edit.within and "." in edit.within:
        places = [f"*.{edit.within.split('.')[-1]}", None]
    if kind_of(edit).of_definition:
        places = [place for place in places if place is not None]
    others = [path for path in paths if path != edit.file]
    for within in places:
        yield replace(edit, within=within, expect=Expect(1, None))
    for path in others:
        yield replace(edit, file=path)
    for path in others:
        for within in places:
            yield replace(edit, file=path, within=within, expect=Expect(1, None))


def _plan(patch: Patch, edit: Edit, read: Callable[[str], bytes | None]) -> EditOutcome:
    result = rewrite_file(edit.file, read(edit.file), [edit], patch.attachments)
    return result.outcomes[0]
