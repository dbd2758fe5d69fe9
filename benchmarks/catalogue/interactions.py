"""What the patches of a set do to each other: each alone, added up, beside all at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.catalogue.scope import STAGES, stages_of
from benchmarks.catalogue.trees import PRISTINE, Subject

Figures = Mapping[str, Any]
LOOPS = ("t3_step", "cfm_step", "vocoder")


@dataclass(frozen=True)
class Saved:
    """Operations fewer than pristine's in one pass of a loop.

    Attributes:
        alone: the patches' own savings, added up.
        together: the saving of all at once. Less than `alone` where two spare the same operation,
            more where one makes room for another.
    """

    subject: Subject
    loop: str
    alone: int
    together: int


@dataclass(frozen=True)
class Times:
    """Patched over pristine time of one stage.

    Attributes:
        alone: the patches' own ratios, multiplied: what they come to where none touches another.
        together: what was measured of all at once: ``about``, and the stage among its ``stages``.
    """

    subject: Subject
    stage: str
    alone: float
    together: Figures


def savings(subjects: Sequence[Subject], counts: Mapping[str, Figures]) -> Iterator[Saved]:
    """Of everything of several patches that was counted, where each of them was counted too.

    Args:
        subjects: what ships; several of them joined by ``+`` are found by their names.
    """
    base = counts.get(PRISTINE)
    if base is None:
        return
    for subject in several(subjects, counts):
        names = [subject.name, *(patch.name for patch in subject.series)]
        if any(name not in counts for name in names):
            continue
        for loop in LOOPS:
            together, *alone = (
                base[loop]["operations"] - counts[name][loop]["operations"] for name in names
            )
            yield Saved(subject, loop, sum(alone), together)


def times(
    subjects: Sequence[Subject], stages: Mapping[str, Figures], speed: Mapping[str, Figures]
) -> Iterator[Times]:
    """Of every stage that several patches edit, where each of them was timed alone too.

    Args:
        subjects: as for `savings`.
        stages: what was timed stage by stage on one machine.
        speed: whole generations on the same machine, which tell their stages too.
    """
    for measured in (speed, stages):
        for subject in several(subjects, measured):
            result = measured[subject.name]
            for stage in (each for each in STAGES if each in result["stages"]):
                alone = [
                    stages.get(patch.name, {}).get("stages", {}).get(stage)
                    for patch in subject.series
                    if stage in stages_of(Subject(patch.name, (patch,)))
                ]
                if len(alone) > 1 and all(alone):
                    product = math.prod(each["time_ratio"] for each in alone if each)
                    yield Times(subject, stage, product, result)


def several(subjects: Sequence[Subject], measured: Iterable[str]) -> Iterator[Subject]:
    """Those of more than one patch among what was measured, in a fixed order."""
    shipped = {subject.name: subject for subject in subjects}
    for name in sorted(set(measured)):
        parts = [name] if name in shipped else name.split("+")
        if all(part in shipped for part in parts):
            series = tuple(patch for part in parts for patch in shipped[part].series)
            if len(series) > 1:
                yield Subject(name, series)
