"""Many generated cases, in chunks that are kept: an interrupted run goes on where it stopped.

    python -m tests.rewrite.grammar.night --into build/cases.jsonl [--cases 100000]
    python -m tests.rewrite.grammar.night --into build/cases.jsonl --report

Each chunk is one line of the file: its seeds, how many cases they made, what came of them, and
which code ran. Exits 1 when one case was wrong, crashed, or lost a comment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.rewrite.grammar.cases import make
from tests.rewrite.grammar.judging import CRASH, LOST, REFUSAL, WRONG, judge

NIGHTLY = 100_000
FIRST = 20_261_128
"""Where the seeds start."""
CHUNK = 1_000
_ROOT = Path(__file__).parents[3]


@dataclass
class Tally:
    """What came of the seeds from ``first``: ``count`` of them, some of which make no case."""

    first: int
    count: int
    cases: int = 0
    results: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)
    seconds: float = 0.0
    commit: str = ""


def chunk(first: int, count: int) -> Tally:
    """Make and judge the cases of some seeds."""
    tally = Tally(first, count)
    start = time.process_time()
    for seed in range(first, first + count):
        case = make(Random(seed))
        if case is None:
            continue
        tally.cases += 1
        tally.kinds[case.kind] += 1
        verdict = judge(case, twice=seed % 4 == 0)
        tally.results[verdict.what] += 1
        if verdict.what == REFUSAL:
            tally.refusals[verdict.why] += 1
        if verdict.is_defect:
            tally.defects.append(f"seed {seed} ({case.kind}): {verdict.what}: {verdict.why}")
    tally.seconds = round(time.process_time() - start, 1)
    return tally


def kept(path: Path) -> list[Tally]:
    """The chunks of a file; a line that was not written to its end counts as none."""
    actual = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        for name in ("results", "refusals", "kinds"):
            read[name] = Counter(read[name])
        actual.append(Tally(**read))
    return actual


def report(tallies: list[Tally]) -> str:
    """All chunks, in words."""
    total: Counter[str] = sum((each.results for each in tallies), Counter())
    refusals: Counter[str] = sum((each.refusals for each in tallies), Counter())
    kinds: Counter[str] = sum((each.kinds for each in tallies), Counter())
    counts = ", ".join(f"{total[name]} {name}" for name in (WRONG, CRASH, LOST))
    cases, seeds = (sum(n) for n in zip(*((e.cases, e.count) for e in tallies), strict=True))
    lines = [
        f"{cases:,} cases of {seeds:,} seeds: {counts}, {total[REFUSAL]} refused by name",
        f"{sum(each.seconds for each in tallies):.0f} s of processor time; commits: "
        f"{', '.join(dict.fromkeys(each.commit for each in tallies))}",
        "edits: " + ", ".join(f"{count:,} {name}" for name, count in kinds.most_common()),
        *(f"  {count} {why}" for why, count in refusals.most_common()),
        *(f"  {text}" for each in tallies for text in each.defects),
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--into", type=Path, required=True, help="where the chunks are kept")
    parser.add_argument("--cases", type=int, default=NIGHTLY)
    parser.add_argument("--first", type=int, default=FIRST + 100_000_000, help="the first seed")
    parser.add_argument("--report", action="store_true", help="only say what is there")
    options = parser.parse_args()
    tallies = kept(options.into)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=_ROOT, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    options.into.parent.mkdir(parents=True, exist_ok=True)
    while not options.report and sum(each.cases for each in tallies) < options.cases:
        first = max((each.first + each.count for each in tallies), default=options.first)
        tally = chunk(first, CHUNK)
        tally.commit = commit
        with options.into.open("a", encoding="utf-8") as file:
            file.write(json.dumps(vars(tally)) + "\n")
        tallies.append(tally)
        done = sum(each.cases for each in tallies)
        print(f"{done:,} cases", *tally.defects, sep="\n", flush=True)
    print(report(tallies))
    return int(any(each.defects for each in tallies))


if __name__ == "__main__":
    sys.exit(main())
