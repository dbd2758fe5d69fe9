"""``python -m benchmarks.guard_overhead``: what a guard adds to a call, in nanoseconds.

A function that does nothing is called in interleaved rounds: as it is, guarded, and as an entry
point. The median of the rounds' differences is printed. A fallback keeps the random generators'
states at every call of an entry point, which is what it costs there: Python's alone, and with those
of NumPy and torch where they are installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import statistics
import sys
import timeit
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import patcher.rewrite.guarding

ROUNDS = 41
CALLS = 20_000


def per_call_ns(function: Callable[[], object]) -> float:
    return timeit.timeit(function, number=CALLS) / CALLS * 1e9


def work() -> None:
    return None


def runtime(fallback: bool) -> ModuleType:
    """The runtime as it lies in a target, with one group."""
    path = Path(patcher.rewrite.guarding.__file__).with_name("runtime.py")
    spec = importlib.util.spec_from_file_location("guard_runtime", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.group("patch", fallback=fallback)
    return module


def measures(fallback: bool) -> dict[str, Callable[[], float]]:
    """What is measured, by its name."""
    module = runtime(fallback)
    guarded = module.either("patch", work, work)
    opened = module.entry(work)
    inside = module.entry(lambda: per_call_ns(guarded))
    also = ", with a fallback" if fallback else ""
    return {
        f"a guarded call{also}": inside,
        f"a call of an entry point{also}": lambda: per_call_ns(opened),
    }


def main() -> None:
    """Print a Markdown table."""
    added = added_ns(measures(fallback=False) | measures(fallback=True))
    if all(map(importlib.util.find_spec, ("numpy", "torch"))):
        importlib.import_module("torch")
        for kind, nanoseconds in added_ns(measures(fallback=True)).items():
            added[f"{kind}, NumPy and torch loaded"] = nanoseconds
    print(f"Python {platform.python_version()}, {sys.platform}, {ROUNDS} rounds\n")
    print("| what | adds, ns |")
    print("|---|--:|")
    for kind, nanoseconds in added.items():
        print(f"| {kind} | {nanoseconds:.0f} |")


def added_ns(kinds: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Of each kind of call, the median over interleaved rounds of what a plain one takes less."""
    added: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind, measure in kinds.items():
            before_ns, now_ns, after_ns = per_call_ns(work), measure(), per_call_ns(work)
            added[kind].append(now_ns - (before_ns + after_ns) / 2)
    return {kind: statistics.median(values) for kind, values in added.items()}


if __name__ == "__main__":
    main()
