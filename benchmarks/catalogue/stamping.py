"""From results to the ``measured`` texts of the shipped specs, so that `patcher show` has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.catalogue.tables import STAGE_WORDS, Figures, Results
from benchmarks.entry_points.tables import STAMP as ENTRY_POINTS

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch

_BLOCK = re.compile(r"^measured:\n(?:  - .*\n)+", re.MULTILINE)
_FIXTURES = re.compile(r"^test:", re.MULTILINE)


def measured_of(patch: Patch, results: Results) -> tuple[str, ...]:
    """What is known of a patch by itself, a line for its gate and one for each stage it edits."""
    return tuple(
        line
        for parts in results.values()
        for part, said in (("gates", gate), ("stages-full", stages))
        if (result := parts.get(part, {}).get(patch.name))
        for line in said(patch, result)
    )


def gate(patch: Patch, figures: Figures) -> Iterator[str]:
    cases = ", ".join(f"{number} {status}" for status, number in sorted(figures["cases"].items()))
    yield f"{patch.equivalence.value} gate, tiny size: {cases}; {where(figures)}"


def stages(patch: Patch, figures: Figures) -> Iterator[str]:
    for stage, each in figures["stages"].items():
        ratio = f"{each['time_ratio']:.3f} ({each['low']:.3f} to {each['high']:.3f})"
        tokens = "" if stage.startswith("conditionals") else f"{figures['tokens']} tokens, "
        work = f"full size, {tokens}{each['rounds']} rounds"
        name = STAGE_WORDS.get(stage, stage)
        yield f"time of {name}: {ratio} of pristine's, {each['verdict']}; {work}; {where(figures)}"


def where(figures: Figures) -> str:
    about = figures["about"]
    return f"{about['device']}, torch {about['versions']['torch']}, {about['date']}"


def stamped(spec: str, measured: Sequence[str]) -> str:
    """A spec's text with these figures and no others, ahead of its fixtures."""
    spec = _BLOCK.sub("", spec)
    if not measured:
        return spec
    block = "measured:\n" + "".join(f"  - {json.dumps(line)}\n" for line in measured)
    fixtures = _FIXTURES.search(spec)
    at = fixtures.start() if fixtures else len(spec)
    return spec[:at] + block + spec[at:]


def measured_texts(spec: str) -> list[str]:
    """The figures that a spec's text has."""
    block = _BLOCK.search(spec)
    lines = block.group().splitlines()[1:] if block else []
    return [json.loads(line.removeprefix("  - ")) for line in lines]


def stamp(folder: Path, patches: Sequence[Patch], results: Results) -> list[str]:
    """Write the figures into the specs of a catalogue's folder; the names of those that changed."""
    changed = []
    for patch in patches:
        path = folder / f"{patch.name}.yaml"
        text = path.read_text("utf-8")
        others = [line for line in measured_texts(text) if line.startswith(ENTRY_POINTS)]
        if (new := stamped(text, [*measured_of(patch, results), *others])) != text:
            path.write_text(new, "utf-8")
            changed.append(patch.name)
    return changed
