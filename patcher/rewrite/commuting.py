"""Pairs of patches whose order matters, found by content: both orders are rewritten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from patcher.patchfile.kinds import kind_of
from patcher.rewrite.file import WRITABLE, Read, Rewrite, rewrite_file, rewrite_patch

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit, Patch


def not_commuting(
    patches: Sequence[Patch], read: Read, rewrite: Rewrite = rewrite_file
) -> tuple[tuple[str, str], ...]:
    """Pairs of patches that give other bytes, or fail, in the other order.

    Pairs where one requires the other are left out: their order is given. So are pairs of which no
    two edits look at the same code, since neither can see what the other wrote.
    """
    result = []
    for one, other in combinations(patches, 2):
        ordered = one.name in other.requires or other.name in one.requires
        shared = {e.file for e in one.edits for f in other.edits if _meet(e, f)}
        if ordered or not shared:
            continue
        one_way = _together((one, other), shared, read, rewrite)
        if one_way != _together((other, one), shared, read, rewrite):
            result.append((one.name, other.name))
    return tuple(result)


def _meet(one: Edit, other: Edit) -> bool:
    """Whether two edits may look at the same code."""
    if one.file != other.file:
        return False
    places = [_place(one), _place(other)]
    if None in places or any("*" in (place or "") for place in places):
        return True
    first, second = sorted(f"{place}." for place in places)
    return second.startswith(first)


def _place(edit: Edit) -> str | None:
    return "<module>" if kind_of(edit).at_top else edit.within


def _together(
    patches: Sequence[Patch], paths: Collection[str], read: Read, rewrite: Rewrite
) -> dict[str, bytes | None]:
    """Content of some files after patches in an order; nothing where one does not fit."""
    state: dict[str, bytes | None] = {}

    def now(path: str) -> bytes | None:
        return state[path] if path in state else read(path)

    for patch in patches:
        outcomes, written = rewrite_patch(patch, now, rewrite)
        if any(outcome.status not in WRITABLE for outcome in outcomes):
            return dict.fromkeys(paths)
        state.update(written)
    return {path: state.get(path) for path in paths}
