"""Which patches of a failing series are to blame: delta debugging, a pure function of a judge.

Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002), ddmin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Judge = Callable[[Sequence[str]], bool | None]


@dataclass(frozen=True)
class Isolation:
    """What isolation found.

    Attributes:
        culprits: minimal groups that fail together: one patch, or patches that do not mix.
        dropped: what has to go, one patch a group: the one applied last.
        kept: the others, in the order of the series; they pass together.
        trials: series that were judged.
    """

    culprits: tuple[tuple[str, ...], ...]
    dropped: tuple[str, ...]
    kept: tuple[str, ...]
    trials: int


def isolate(series: Sequence[str], judge: Judge) -> Isolation:
    """Take the fewest culprits out of ``series`` until the rest passes.

    Args:
        series: names in the order they are applied; known to fail as a whole.
        judge: True when these patches, in this order, pass; False when they fail; None when they
            cannot be judged, for instance because one requires another that is left out.
    """
    known: dict[tuple[str, ...], bool | None] = {tuple(series): False, (): True}

    def verdict(names: Sequence[str]) -> bool | None:
        key = tuple(names)
        if key not in known:
            known[key] = judge(key)
        return known[key]

    rest = list(series)
    culprits: list[tuple[str, ...]] = []
    dropped: list[str] = []
    while not verdict(rest):
        # What cannot be judged does not fail: it is all to blame, and the last one goes.
        group = minimal_failing(rest, verdict) if verdict(rest) is False else tuple(rest)
        culprits.append(group)
        dropped.append(group[-1])
        rest.remove(group[-1])
    return Isolation(tuple(culprits), tuple(dropped), tuple(rest), len(known) - 2)


def minimal_failing(series: Sequence[str], judge: Judge) -> tuple[str, ...]:
    """A part of a failing series that fails, and passes or cannot be judged without any of its own.

    Halves are tried first, then quarters and what remains without them, and so on: one culprit
    among n is found in about ``2 log2(n)`` trials.
    """
    failing = list(series)
    parts = 2
    while len(failing) > 1:
        size = -(-len(failing) // parts)
        chunks = [failing[at : at + size] for at in range(0, len(failing), size)]
        rests = [[name for name in failing if name not in chunk] for chunk in chunks]
        reduced = next((chunk for chunk in chunks if judge(chunk) is False), None)
        if reduced is not None:
            failing, parts = reduced, 2
            continue
        # With two parts the remainders are the parts themselves.
        remainder = next((r for r in rests if parts > 2 and judge(r) is False), None)
        if remainder is not None:
            failing, parts = remainder, max(2, parts - 1)
        elif parts >= len(failing):
            break
        else:
            parts = min(len(failing), 2 * parts)
    return tuple(failing)
