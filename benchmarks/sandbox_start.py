"""What the sandbox adds to the start of a worker: interleaved pairs, with and without.

    python benchmarks/sandbox_start.py [PAIRS]

Prints the median of the differences and of both sides, in milliseconds, from the start of the
process to its first answer and its end, and the processor time that goes into it. A machine that
does other work makes both sides slower; the pairs are interleaved for that reason.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from patcher.execution.executor import Job, LocalExecutor, Step  # noqa: E402
from patcher.execution.process import FrozenTree, WorkerSite  # noqa: E402
from patcher.execution.runner import Silent, run_job  # noqa: E402
from patcher.execution.sandbox import policy_for  # noqa: E402

STEP = Step("call", {"function": "os:getpid", "arguments": {}}, 60)


def main(pairs: int) -> None:
    """Measure, and print a line a figure."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        tree = place / "tree"
        tree.mkdir()
        free = WorkerSite(
            FrozenTree(tree, "0" * 64, (), {}), "m:f", place / "logs", place / "stages"
        )
        policy = policy_for(sys.executable, hidden=[place])
        fenced = replace(free, policy=policy)
        rows, cpus = [], []
        for number in range(pairs + 1):
            order = (free, fenced) if number % 2 else (fenced, free)
            taken, used = {}, {}
            for site in order:
                before = processor_s()
                taken[site.fenced] = one_worker_s(site)
                used[site.fenced] = processor_s() - before
            if number:  # the first pair reads everything from the disk
                rows.append((taken[False], taken[True]))
                cpus.append((used[False], used[True]))
    print(f"guards: {', '.join(policy.guards)}")
    print(f"{pairs} interleaved pairs, medians: free {1e3 * median(a for a, _ in rows):.1f} ms, "
          f"fenced {1e3 * median(b for _, b in rows):.1f} ms")  # fmt: skip
    cpu = [1e3 * (b - a) for a, b in cpus]
    print(f"processor time: median difference {median(cpu):.1f} ms")
    print(f"difference: median {1e3 * median(b - a for a, b in rows):.1f} ms")


def processor_s() -> float:
    """Processor time of this process and of its children that have ended."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def one_worker_s(site: WorkerSite) -> float:
    """Seconds to start a worker, ask it one thing, and be rid of it."""
    with LocalExecutor() as executor:
        started = time.perf_counter()
        (report,) = run_job(executor, Job(site, (STEP,)), Silent())
        taken_s = time.perf_counter() - started
    if report.failure is not None:
        raise SystemExit(report.failure.text + "\n" + report.failure.log)
    return taken_s


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
