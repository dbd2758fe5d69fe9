"""Capture the real diffs between all published versions of packages, and replay every one.

python -m benchmarks.captures                          chatterbox-tts, pluggy, itsdangerous
python -m benchmarks.captures click --limit 5          the newest five versions of another package

File by file, and each pair of versions as a whole tree: the replay must give bytes and modes.
Wheels are fetched by pip into the user's cache folder, once. Exits 1 when one capture does not come
back.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import platformdirs
from packaging.version import Version

from benchmarks.captures import hand_edits
from benchmarks.captures.checking import Files, comes_back, form_of, is_small
from benchmarks.engine.machine import device
from patcher import __version__
from patcher.errors import PatcherError
from patcher.rewrite.authoring.capture import File, capture
from patcher.store.source import find_source

PACKAGES = ("chatterbox-tts", "pluggy", "itsdangerous")
COLUMNS = (
    "package", "versions", "captures", "bytes back", "small", "statements", "mixed", "lines",
    "whole files",
)  # fmt: skip
PAGE = """\
# Captures of real changes

Rendered by `python -m benchmarks.captures --write docs/benchmarks-captures.md` on
{circumstances}. What became of each
file from one published version to the next is taken for an edit by hand, captured, and replayed;
then all files of the two versions at once. *Bytes back*: the replay gave bytes and modes of every
file. *Small*: the edits, with what travels with them, are at most twice as long as the unified
diff. The last four columns say how: by patterns of statements alone, by patterns and lines, by
lines, by whole files.

"""


BY_HAND = """
## Edits by hand

Generated edits of a small package, one to four each: statements that are inserted, deleted, moved;
names, literals, methods, branches, comments, blank lines; several files, new packages, data, modes,
renamed and deleted files.
`python -m benchmarks.captures.hand_edits --count 5000` makes the same ones.
"""


@dataclass
class Tally:
    """What came of the captures of one package."""

    tried: int = 0
    small: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    forms: Counter[str] = field(default_factory=Counter)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    parser.add_argument("--limit", type=int, help="the newest N versions only")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as a page")
    parser.add_argument("--edits", type=int, default=5000, help="how many edits by hand to make")
    asked = parser.parse_args()
    failed = False
    table = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    print("\n".join(table))
    for name in asked.packages:
        trees = dict(fetched(name, asked.limit))
        tally = Tally()
        for (older, before), (newer, after) in pairwise(trees.items()):
            between(tally, f"{name} {older}..{newer}", before, after)
        failed |= bool(tally.wrong or tally.refused)
        table.append(row(name, len(trees), tally))
        print(table[-1], flush=True)
        for text in (*tally.refused, *tally.wrong):
            print(f"  {text}")
    by_hand = hand_edits.run(asked.edits)
    print(by_hand)
    failed |= bool(by_hand.wrong)
    if asked.write:
        text = PAGE.replace("{circumstances}", circumstances()) + "\n".join(table) + "\n"
        asked.write.write_text(text + BY_HAND + f"\n```text\n{by_hand}\n```\n", "utf-8")
    return int(failed)


def circumstances() -> str:
    """Date, versions, commit and processor."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    code = f"patcher {__version__}, commit {commit}, Python {platform.python_version()}"
    return f"{today}: {code}; {device()}"


def row(name: str, versions: int, tally: Tally) -> str:
    back = tally.tried - len(tally.wrong) - len(tally.refused)
    share = 100 * tally.small / max(tally.tried, 1)
    forms = [tally.forms[each] for each in ("statements", "mixed", "lines", "whole")]
    cells = [name, versions, tally.tried, back, f"{tally.small} ({share:.0f} %)", *forms]
    return "| " + " | ".join(map(str, cells)) + " |"


def fetched(name: str, limit: int | None) -> Iterator[tuple[str, Files]]:
    """Every published version that has a wheel, oldest first: its files but for the metadata."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    listed = subprocess.run(
        [*pip, "index", "versions", name, "--ignore-requires-python"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    matched = re.search(r"Available versions: (.*)", listed)
    versions = sorted((matched[1].split(", ") if matched else []), key=Version)
    for version in versions[-limit:] if limit else versions:
        folder = platformdirs.user_cache_path("patcher") / "captures" / name / version
        if not folder.is_dir():
            folder.mkdir(parents=True)
            options = ["--quiet", "--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
            command = [*pip, "download", *options, "--dest", str(folder), f"{name}=={version}"]
            subprocess.run(command, capture_output=True, check=False)
        for wheel in folder.glob("*.whl"):
            yield version, package_files(wheel)


def package_files(wheel: Path) -> Files:
    files = find_source(str(wheel)).files
    return {path: held for path, held in files.items() if ".dist-info/" not in path}


def between(tally: Tally, what: str, before: Files, after: Files) -> None:
    """Capture what differs between two trees, file by file and then all at once."""
    changed = {
        path: after.get(path)
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    }
    for path, held in changed.items():
        each = {path: before[path]} if path in before else {}
        capture_one(tally, f"{what} {path}", each, {path: held})
    if len(changed) > 1:
        capture_one(tally, what, before, changed)


def capture_one(tally: Tally, what: str, before: Files, after: Mapping[str, File | None]) -> None:
    tally.tried += 1
    try:
        result = capture("captured", "pkg", before, after)
        if not comes_back(result, before, after):
            tally.wrong.append(f"wrong: {what}")
    except PatcherError as error:
        tally.refused.append(f"refused: {what}: {error.message}")
        return
    tally.small += is_small(result, before, after)
    tally.forms[form_of(result)] += 1


if __name__ == "__main__":
    sys.exit(main())
