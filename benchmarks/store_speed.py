"""``python -m benchmarks.store_speed``: what a change and a check cost, by the size of the tree."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from patcher.store.fs import digest
from patcher.store.source import DistributionSource, find_source
from patcher.store.state import Applied
from patcher.store.workspace import Workspace

ROUNDS = 7
TEXT = "patch: one\n"


def of_size(count: int) -> DistributionSource:
    """A source of this many small modules."""
    files = {
        f"big/p{number // 100}/m{number}.py": (f"x = {number}\n".encode() * 30, 0o644)
        for number in range(count)
    }
    return DistributionSource("big", "1", "generated", files, ("big",))


def median_ms(work: Callable[[], object]) -> float:
    """The median wall time of some runs."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


def main() -> None:
    """Print a Markdown table; folders are made on the disk of the temporary folder."""
    print("| tree | files | init, ms | apply 3 files, ms | revert, ms | check, ms |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, source in (
        ("chatterbox-tts", find_source("chatterbox-tts")),
        ("generated", of_size(10_000)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            workspace = Workspace(Path(folder))
            started = time.perf_counter()
            copy = workspace.init(source)
            init_ms = (time.perf_counter() - started) * 1e3
            paths = [path for path in copy.paths() if path.endswith(".py")][-3:]
            apply_ms: list[float] = []
            revert_ms: list[float] = []
            for _ in range(ROUNDS):
                new = {path: (copy.read(path) or b"") + b"# patched\n" for path in paths}
                started = time.perf_counter()
                copy.change(new, [Applied("one", TEXT, digest(TEXT.encode()))], "apply", ["one"])
                apply_ms.append((time.perf_counter() - started) * 1e3)
                back = {path: copy.pristine(path) for path in paths}
                started = time.perf_counter()
                copy.change(back, (), "revert", ["one"])
                revert_ms.append((time.perf_counter() - started) * 1e3)
            check_ms = median_ms(copy.drift)
            print(
                f"| {name} | {len(source.files):,} | {init_ms:,.0f} | "
                f"{statistics.median(apply_ms):.0f} | {statistics.median(revert_ms):.0f} | "
                f"{check_ms:.1f} |"
            )


if __name__ == "__main__":
    main()
