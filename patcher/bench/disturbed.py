"""Rounds that a neighbour disturbed: which they are, and when they are measured again. Pure.

The rule is settled before anything is timed and says nothing of who is faster. A round is disturbed
when any subject's time in it, pristine's included, is over `SLOW` times that subject's own median.
Then the whole round is measured again, all subjects of it. Under exchanged names the same rounds
are chosen, so that identical subjects stay alike.

A subject that is slow now and then by itself must not be made faster that way. Where one subject
alone was slow in `OWN` rounds or more, and no other ever was, its slowness is its own, and all
rounds stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

SLOW = 1.3
OWN = 3
FEWEST = 4  # rounds that a median is worth something of
AGAIN = 1.0  # more rounds than planned, as a share of them, at most

Series = Mapping[str, Sequence[float]]
"""Seconds by subject and round; every subject has all rounds."""


@dataclass(frozen=True)
class Disturbance:
    """What is known of disturbed rounds after so many of them.

    Attributes:
        rounds: the disturbed ones by number, each with the subjects that were slow in it.
        own: the subject whose slowness is its own; empty when there is none.
    """

    rounds: Mapping[int, tuple[str, ...]]
    own: str = ""

    @property
    def set_aside(self) -> frozenset[int]:
        """Rounds that are measured again."""
        return frozenset() if self.own else frozenset(self.rounds)


def disturbance(series: Series) -> Disturbance:
    """Apply the rule to all rounds so far, those measured again included."""
    slow: dict[int, tuple[str, ...]] = {}
    count = min((len(seconds) for seconds in series.values()), default=0)
    if count < FEWEST:
        return Disturbance({})
    limits = {name: SLOW * median(seconds) for name, seconds in series.items()}
    for number in range(count):
        late = tuple(name for name in series if series[name][number] > limits[name])
        if late:
            slow[number] = late
    patterns = set(slow.values())
    own = ""
    if len(series) > 1 and len(slow) >= OWN and len(patterns) == 1:
        (names,) = patterns
        own = names[0] if len(names) == 1 else ""
    return Disturbance(slow, own)


def more_rounds(series: Series, planned: int) -> int:
    """How many rounds to measure beyond those there are; 0 when that is enough or all there is."""
    done = min((len(seconds) for seconds in series.values()), default=0)
    if done < planned:
        return planned - done
    missing = planned - (done - len(disturbance(series).set_aside))
    allowed = planned + round(AGAIN * planned) - done
    return max(0, min(missing, allowed))


def kept_rounds(series: Series, planned: int) -> tuple[int, ...]:
    """The rounds that count, by number: the undisturbed ones, and disturbed ones to fill up.

    Disturbed ones are taken in the order they were measured, when too few are undisturbed: a
    budget that ended leaves an interval wider, not rounds fewer.
    """
    done = min((len(seconds) for seconds in series.values()), default=0)
    aside = disturbance(series).set_aside
    quiet = [number for number in range(done) if number not in aside]
    fill = sorted(aside)[: max(0, planned - len(quiet))]
    return tuple(sorted([*quiet, *fill]))
