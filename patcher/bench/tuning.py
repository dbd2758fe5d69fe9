"""Searching for the fastest set of patches, one comparison at a time. Pure.

`search` proposes a trial and is sent whether it was faster than what it stands beside. It is greedy
with a look back (forward selection, then backward elimination): it starts from the best set that
somebody has put together already, adds what makes that faster, alone or in place of what it
conflicts with, and at the end takes out each patch once more, because what helped alone may hinder
beside the others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

Names = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A patch the search may take.

    Attributes:
        requires: patches that have to be there with it.
        conflicts: patches that cannot be.
    """

    requires: Names = ()
    conflicts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TuningTrial:
    """One comparison: is ``patches`` faster than ``beside``?

    Attributes:
        kind: ``start``, ``add``, ``swap`` or ``drop``.
        changed: the set or the patch that is tried.
        patches: in the order of application; ``beside`` is empty for pristine.
    """

    kind: str
    changed: str
    patches: Names
    beside: Names


def search(
    starts: Mapping[str, Sequence[str]], parts: Mapping[str, Part]
) -> Generator[TuningTrial, bool, Names]:
    """Propose trials until nothing makes the best set faster.

    Args:
        starts: sets to start from, by name.
        parts: every patch that fits, in the order of the catalogue.

    Yields:
        A trial; expects whether it was faster, False also for what could not be run.

    Returns:
        The fastest set that was found; empty when nothing beats pristine.
    """
    best: Names = ()
    # The largest first: a set that is part of a better one needs no time of its own.
    for name, names in sorted(starts.items(), key=lambda start: -len(start[1])):
        patches = tuple(names)
        if not set(patches) <= set(best) and (yield TuningTrial("start", name, patches, best)):
            best = patches
    for name in parts:
        if name in best:
            continue
        more = with_part(name, best, parts)
        kind = "add" if set(best) <= set(more) else "swap"
        if (yield TuningTrial(kind, name, more, best)):
            best = more
    for name in reversed(best):
        fewer = without_part(name, best, parts)
        if name in best and fewer and (yield TuningTrial("drop", name, fewer, best)):
            best = fewer
    return best


def with_part(name: str, names: Sequence[str], parts: Mapping[str, Part]) -> Names:
    """The set with one part more, what that needs before it, and without what it conflicts with."""
    added = _needed(name, parts)
    dropped = {
        other
        for other in names
        for part in added
        if other in parts[part].conflicts or part in parts.get(other, Part()).conflicts
    }
    left = tuple(names)
    for other in dropped:
        left = without_part(other, left, parts)
    return tuple(dict.fromkeys((*left, *added)))


def without_part(name: str, names: Iterable[str], parts: Mapping[str, Part]) -> Names:
    """The set without a part and without all that needs it."""
    return tuple(other for other in names if name not in _needed(other, parts))


def _needed(name: str, parts: Mapping[str, Part]) -> Names:
    """A part after everything it requires, directly or not."""
    result: dict[str, None] = {}
    for required in parts.get(name, Part()).requires:
        result |= dict.fromkeys(_needed(required, parts))
    return (*(each for each in result if each != name), name)
