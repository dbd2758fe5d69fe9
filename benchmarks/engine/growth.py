"""How cost grows: with the patches of a series, and with the files of the tree."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.engine.jobs import Tools, copy_package, run, spec

PATCH = """\
patch: p{n}
summary: one site
target: grown
equivalence: bitwise
edits:
  - file: grown/m{file}.py
    within: f{n}
    match: old({n})
    with: new({n})
"""


def by_patches(tools: Tools, work: Path, counts: Sequence[int], runs: int) -> str:
    """A table: apply all, status, revert one, revert all; ten sites a file."""
    rows = ["| patches | apply, cold | apply, warm | status | revert one | revert --all |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    for count in counts:
        place = work / str(count)
        package = place / "source" / "grown"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        for start in range(0, count, 10):
            functions = [
                f"def f{n}(x):\n    return old({n}) + x\n" for n in range(start, start + 10)
            ]
            (package / f"m{start // 10}.py").write_text("\n\n".join(functions))
        patches = place / "patches"
        patches.mkdir()
        for n in range(count):
            (patches / f"p{n}.yaml").write_text(PATCH.format(n=n, file=n // 10))
        names = [f"p{n}" for n in range(count)]
        rows.append(_row(tools, place, str(count), names, ["--target", "grown"], runs))
    return "\n".join(rows)


def by_files(tools: Tools, source: Path, work: Path, counts: Sequence[int], runs: int) -> str:
    """A table for trees of many files; the patch touches the same ones each time."""
    rows = ["| files | apply, cold | apply, warm | status | revert one | revert --all |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    for count in counts:
        place = work / str(count)
        package = copy_package(source, place / "source")
        text = spec("no_grad", package)
        modules = [path.read_bytes() for path in sorted(package.rglob("*.py"))]
        have = len(modules)
        (package / "copies").mkdir()
        for n in range(max(0, count - have)):
            folder = package / "copies" / str(n // 500)
            folder.mkdir(exist_ok=True)
            (folder / f"c{n}.py").write_bytes(modules[n % have])
        (place / "patches").mkdir()
        (place / "patches" / "no_grad.yaml").write_text(text.replace("chatterbox-tts", "grown"))
        total = sum(1 for _ in package.rglob("*.py"))
        rows.append(_row(tools, place, f"{total:,}", ["no_grad"], ["--target", "grown"], runs))
    return "\n".join(rows)


def _row(
    tools: Tools, place: Path, title: str, names: list[str], target: list[str], runs: int
) -> str:
    """Run one size; times of each command, median in ms."""
    patcher = str(tools.patcher)
    metadata = place / "source" / "grown-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: grown\nVersion: 1.0\n")
    run([patcher, "init", "source", "-q"], place)
    times: dict[str, list[float]] = {}

    def note(name: str, *arguments: str) -> None:
        start = time.perf_counter()
        run([patcher, *arguments], place)
        times.setdefault(name, []).append(time.perf_counter() - start)

    for _ in range(runs):
        shutil.rmtree(place / ".patcher" / "cache", ignore_errors=True)
        note("cold", "apply", *names, *target, "-q")
        note("status", "status", *target)
        note("one", "revert", names[0], *target, "-q")
        run([patcher, "revert", "--all", *target, "-q"], place)
        note("warm", "apply", *names, *target, "-q")
        note("all", "revert", "--all", *target, "-q")
    columns = ("cold", "warm", "status", "one", "all")
    cells = [f"{statistics.median(times[name]) * 1000:.0f}" for name in columns]
    return f"| {title} | {' | '.join(cells)} |"
