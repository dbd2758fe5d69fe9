"""Measure the shipped catalogue on the installed target.

    python -m benchmarks.catalogue counts speed life [--device cuda] [--only NAME ...]

- ``counts``: dispatched operations and synchronisation points of a T3 step, a CFM step and a
  vocoder call, and whether the outputs are pristine's to the bit. No clock, no noise.
- ``speed``: every subject's own gate, then paired timing against pristine: full size, 100 tokens,
  the built-in voice. Stops at ``--budget`` seconds a subject and continues from there next time.
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
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.catalogue.measure import Lab, facts
from benchmarks.catalogue.tables import page
from benchmarks.catalogue.trees import PRISTINE, Target

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[2] / "docs" / "catalogue-measured.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.catalogue", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("parts", nargs="+", choices=("counts", "speed", "life", "page"))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--scale", default="full", choices=("tiny", "full"), help="for counts")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="patches and @sets")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="for each subject's speed")
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("patcher")))
    told = parser.parse_args()

    target = Target()
    lab = Lab(target, told.device, told.cache, lambda line: print(line, file=sys.stderr))
    path = RESULTS / f"{told.device}.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for part in told.parts:
        for subject in target.subjects(told.only) if part != "page" else ():
            if part == "speed" and subject.name == PRISTINE:
                continue
            if part == "life" and not (subject.name == PRISTINE or subject.name[0] == "@"):
                continue
            lab.say(f"{part}: {subject.name}")
            if part == "counts":
                found = lab.count(subject, told.scale)
            elif part == "speed":
                found = lab.time(subject, told.budget)
            else:
                found = lab.live(subject)
            found["scale"] = told.scale if part == "counts" else ""
            found["date"] = datetime.date.today().isoformat()
            found["about"] = facts(told.device)
            results.setdefault(part, {})[subject.name] = found
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    kept = {each.stem: json.loads(each.read_text()) for each in sorted(RESULTS.glob("*.json"))}
    PAGE.write_text(page(kept))
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
