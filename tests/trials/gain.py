"""A 10 % gain of a 50 ms function, by the real command: is it called, and how soon.

    python -m tests.trials.gain --out FOLDER --tries 10
    python -m tests.trials.gain --out FOLDER --tries 10 --busy 1
    python -m tests.trials.gain --out FOLDER --table

A package with one function that takes 50 ms on this machine, a patch that does nine tenths of its
work and one that does all of it, and a workload in two lines. ``patcher verify NAME --bench``
judges both in turn; what is asked for is ``faster`` within 60 s where nothing else runs (the quick
plan), within 180 s beside a busy process (the full plan), and never ``faster`` for the other patch.
Every try is kept in FOLDER when it ends: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.trials.trials import neighbours

CALL_S = 0.05
QUIET_S, BUSY_S = 60, 180
MODULE = '''"""Works for a while."""


def work(seed):
    total = seed
    for number in range({rounds}):
        total = (total * 31 + number) % 1000003
    return total
'''
# The workload makes nothing of the answer: both patches pass, and only time differs.
PATCH = """\
patch: {name}
summary: {name}
target: spinner
equivalence: bitwise
edits:
  - file: spinner.py
    within: work
    match: range({rounds})
    with: range({fewer})
"""
BENCH = """\
import spinner

def draw(rng):
    return rng.randrange(1000)

def work(seed):
    return spinner.work(seed) * 0
"""
GAINS = {"tenth": 0.9, "nothing": 1.0}


@dataclass(frozen=True)
class Try:
    """One verification: what its speed was called, and the seconds of the whole command.

    ``why`` is the first error of one that does not pass.
    """

    patch: str
    busy: int
    verdict: str
    speed: str
    ratio: float | None
    pairs: int
    wall_s: float
    why: str = ""


def calibrated() -> int:
    """Rounds of the loop that take `CALL_S` here."""
    rounds = 100_000
    scope: dict[str, object] = {}
    exec(MODULE.format(rounds=rounds), scope)
    function = scope["work"]
    assert callable(function)
    times = []
    for _ in range(9):
        started = time.perf_counter()
        function(1)
        times.append(time.perf_counter() - started)
    return round(rounds * CALL_S / min(times))


def workspace(folder: Path) -> Path:
    """The package, both patches and the workload."""
    rounds = calibrated()
    project, place = folder / "project", folder / "workspace"
    (place / "patches").mkdir(parents=True)
    project.mkdir()
    (project / "spinner.py").write_text(MODULE.format(rounds=rounds))
    (project / "pyproject.toml").write_text('[project]\nname = "spinner"\nversion = "1.0"\n')
    for name, part in GAINS.items():
        fewer = str(round(rounds * part)) if part < 1 else f"{rounds} + 0"
        text = PATCH.format(name=name, rounds=rounds, fewer=fewer)
        (place / "patches" / f"{name}.yaml").write_text(text)
    (place / "bench.py").write_text(BENCH)
    (place / "patcher.toml").write_text('target = "spinner"\n[verify]\ncall = "bench.py:work"\n')
    patcher(place, "init", str(project))
    return place


def patcher(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a workspace."""
    line = [sys.executable, "-m", "patcher", "-C", str(place), *words]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def one_try(name: str, busy: int) -> Try:
    """A verification in a workspace of its own: nothing is reused."""
    with tempfile.TemporaryDirectory(prefix="gain-") as folder:
        place = workspace(Path(folder))
        plan = ["--bench=full", "--budget", f"{BUSY_S - 15}s"] if busy else ["--bench=quick"]
        started = time.perf_counter()
        done = patcher(place, "verify", name, *plan, "--json")
        wall_s = time.perf_counter() - started
    if not done.stdout:
        raise SystemExit(done.stderr)
    result = json.loads(done.stdout)
    speed = result.get("speed") or {"verdict": "none", "time_ratio": None, "pairs": 0}
    verdict = result.get("verdict") or result["error"]["code"]
    word, ratio = speed["verdict"], speed["time_ratio"]
    why = "" if verdict == "pass" else (result.get("sentence") or result["error"]["message"])
    return Try(name, busy, verdict, word, ratio, speed["pairs"], wall_s, why)


def kept(out: Path) -> Iterator[Try]:
    """The tries so far."""
    path = out / "gain.jsonl"
    for line in path.read_text().splitlines() if path.is_file() else ():
        yield Try(**json.loads(line))


def table(tries: Sequence[Try]) -> str:
    """One row a patch and neighbourhood."""
    rows = [
        "| patch | beside | tries | called faster | in time | ratio, median | pairs, median "
        "| seconds, median (most) |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for busy, name in sorted({(each.busy, each.patch) for each in tries}):
        some = [each for each in tries if (each.busy, each.patch) == (busy, name)]
        limit_s = BUSY_S if busy else QUIET_S
        ratios = [each.ratio for each in some if each.ratio is not None]
        faster = sum(each.speed == "faster" for each in some)
        in_time = sum(each.wall_s <= limit_s for each in some)
        beside = f"{busy} busy" if busy else "nothing"
        ratio = f"{median(ratios):.3f}" if ratios else "-"
        seconds = [each.wall_s for each in some]
        pairs = median(each.pairs for each in some)
        rows.append(
            f"| {name} | {beside} | {len(some)} | {faster} | {in_time} (of {limit_s} s) | {ratio} "
            f"| {pairs:g} | {median(seconds):.0f} ({max(seconds):.0f}) |"
        )
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run tries, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tries", type=int, default=10, help="of each patch")
    parser.add_argument("--busy", type=int, default=0, help="processes that spin beside the tries")
    parser.add_argument("--patch", choices=GAINS, action="append", help="only this one")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    done = list(kept(options.out))
    with neighbours(0 if options.table else options.busy):
        for number in range(0 if options.table else options.tries):
            for name in options.patch or GAINS:
                before = [t for t in done if (t.patch, t.busy) == (name, options.busy)]
                if len(before) > number:
                    continue
                result = one_try(name, options.busy)
                done.append(result)
                with (options.out / "gain.jsonl").open("a") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
                print(result, file=sys.stderr)
    print(table(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
