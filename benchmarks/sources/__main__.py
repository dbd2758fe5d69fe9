"""Plan every patch of the catalogue on every source of Chatterbox, by content.

    python -m benchmarks.sources [--checkout DIR ...] [--check]

Versions and forks come from the registry, heads from the checkouts that are named. Nothing is
imported and nothing of a source is kept. ``docs/catalogue-sources.md`` is written from it; with
``--check`` nothing is written, and status 1 says that the page differs in a source that was read.
A source that was not read this time keeps the column it has.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.rewrite.forms import Fit
from patcher.rewrite.plan import PlanTarget, plan_patches
from patcher.store.source import DistributionSource, find_source

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch, PatchSet

PAGE = Path(__file__).resolve().parents[2] / "docs" / "catalogue-sources.md"
VERSIONS = [f"chatterbox-tts==0.1.{patch}" for patch in range(8)]
FORKS = ("chatterbox-streaming==0.1.2", "chatterbox-light==1.0.2", "chatterbox-ng==0.1.11")
MARKS = {
    Fit.FITS: "fits",
    Fit.UPSTREAM: "upstream has it",
    Fit.NOT_THERE: "not there",
    Fit.MOVED: "moved",
}


INTRODUCTION = """\
# Which patch fits which source

Written by `python -m benchmarks.sources --checkout DIR ...`: every patch planned alone on every
source, by content.

- *fits*: all its sites are there.
- *not claimed*: they are, but the patch's `target` leaves that version out.
- *upstream has it*: the target does the same by itself.
- *not there*: a file it is for does not exist.
- *moved*: the file is there, a site is not as the patch expects it; `patcher plan NAME --on SOURCE`
  shows the closest."""


@dataclass(frozen=True)
class Column:
    """One source: its name, and of every patch how it fits."""

    source: str
    cells: Mapping[str, str]


def column(name: str, source: DistributionSource, patches: Sequence[Patch]) -> Column:
    """Plan each patch alone; requirements between patches are met by the set they come with."""

    def read(path: str) -> bytes | None:
        file = source.files.get(path)
        return file[0] if file else None

    cells = {}
    for patch in patches:
        plan = plan_patches(
            [patch],
            read,
            PlanTarget(source.version, source.distribution, source.packages),
        ).patches[0]
        codes = {problem.code for problem in plan.problems}
        outside = plan.fit is Fit.FITS and "incompatible" in codes
        cells[patch.name] = "not claimed" if outside else MARKS[plan.fit]
    return Column(name, cells)


def sources(checkouts: Sequence[str]) -> Iterator[tuple[str, DistributionSource]]:
    """Every source that can be read, with the name of its column."""
    for expected in (*VERSIONS, *FORKS):
        try:
            yield expected.replace("==", " "), find_source(expected)
        except PatcherError as error:
            print(f"left out: {expected}: {error.message}", file=sys.stderr)
    for folder in checkouts:
        source = find_source(folder)
        head = ["git", "-C", folder, "log", "-1", "--format=%h %cs"]
        commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
        yield f"{source.distribution} head ({commit})", source


def page(columns: Sequence[Column], patches: Sequence[Patch], sets: Sequence[PatchSet]) -> str:
    """The table, a row a patch, and of each set how many of its patches fit."""
    names = [each.source for each in columns]
    lines = [
        *INTRODUCTION.splitlines(),
        "",
        "| patch | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for patch in patches:
        cells = " | ".join(each.cells.get(patch.name, "") for each in columns)
        lines.append(f"| `{patch.name}` | {cells} |")
    for item in sets:
        fitting = [sum(c.cells.get(name) == "fits" for name in item.patches) for c in columns]
        counts = " | ".join(f"{count} of {len(item.patches)}" for count in fitting)
        lines.append(f"| **`@{item.name}`** | {counts} |")
    return "\n".join(lines) + "\n"


def kept_columns(text: str) -> list[Column]:
    """The columns of the page as it is."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    if not rows:
        return []
    return [
        Column(source, {row[0].strip("`"): row[number] for row in rows[1:] if row[0][0] == "`"})
        for number, source in enumerate(rows[0][1:], 1)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.sources", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--checkout", action="append", default=[], metavar="DIR")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    catalogue = load_catalogue(PAGE.parent)
    patches = [catalogue.get(name) for name in sorted(catalogue.paths)]
    before = PAGE.read_text("utf-8") if PAGE.exists() else ""
    columns = {each.source: each for each in kept_columns(before)}
    for name, source in sources(options.checkout):
        if " head (" in name:  # a newer head takes the place of the older
            prefix = name.partition(" head (")[0] + " head ("
            columns = {n: each for n, each in columns.items() if not n.startswith(prefix)}
        columns[name] = column(name, source, patches)
    text = page(list(columns.values()), patches, list(catalogue.sets.values()))
    if options.check:
        sys.exit(text != before)
    PAGE.write_text(text, "utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
