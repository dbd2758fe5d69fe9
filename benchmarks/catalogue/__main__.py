"""Measure the shipped catalogue on the installed target.

    python -m benchmarks.catalogue counts gates speed life [--device cuda] [--only NAME ...]

- ``counts``: dispatched operations and synchronisation points of a T3 step, a CFM step and a
  vocoder call, and whether the outputs are pristine's to the bit. No clock, no noise.
- ``gates``: every subject's own gate on the whole matrix of models and tests, at tiny scale.
- ``speed``: against pristine in interleaved rounds: full size, 100 tokens, the built-in voice.
  All subjects share pristine's rounds and are loaded at once (3.5 GiB each): name a few.
- ``life``: 200 generations in one process, voices and lengths changing.

What was measured is kept in ``benchmarks/catalogue/results/DEVICE.json``, from which
``docs/catalogue-measured.md`` is written. It needs no network: the target is the installed one, and
the weights are made by patcher.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.catalogue.measure import Lab, facts
from benchmarks.catalogue.tables import page
from benchmarks.catalogue.trees import PRISTINE, Subject, Target

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[2] / "docs" / "catalogue-measured.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.catalogue", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("parts", nargs="+", choices=("counts", "gates", "speed", "life", "page"))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--scale", default="full", choices=("tiny", "full"), help="for counts")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="patches and @sets")
    parser.add_argument("--rounds", type=int, default=6, help="for speed")
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("patcher")))
    told = parser.parse_args()

    target = Target()
    lab = Lab(target, told.device, told.cache, lambda line: print(line, file=sys.stderr))
    subjects = target.subjects(told.only)
    path = RESULTS / f"{told.device}.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for part in told.parts:
        for name, found in measured(lab, part, subjects, told):
            found["date"] = datetime.date.today().isoformat()
            found["about"] = facts(told.device)
            key = f"{part}-{told.scale}" if part == "counts" else part
            results.setdefault(key, {})[name] = found
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    kept = {each.stem: json.loads(each.read_text()) for each in sorted(RESULTS.glob("*.json"))}
    PAGE.write_text(page(kept))
    print(f"written: {PAGE}")


def measured(
    lab: Lab, part: str, subjects: Sequence[Subject], told: argparse.Namespace
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and figures of each subject, as they come."""
    if part == "speed":
        yield from lab.time(subjects, told.rounds).items()
        return
    for subject in subjects if part != "page" else ():
        if part == "gates" and subject.name == PRISTINE:
            continue
        if part == "life" and subject.name != PRISTINE and subject.name[0] != "@":
            continue
        lab.say(f"{part}: {subject.name}")
        if part == "counts":
            yield subject.name, lab.count(subject, told.scale)
        else:
            yield subject.name, (lab.gate if part == "gates" else lab.live)(subject)


if __name__ == "__main__":
    main()
