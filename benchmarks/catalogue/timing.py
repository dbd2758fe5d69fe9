"""Interleaved rounds: many subjects against pristine, each loaded once in a process of its own."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.catalogue.trees import PRISTINE
from patcher.bench import speed, statistics
from patcher.bench.timing import margin_of

WORKER = Path(__file__).with_name("worker.py")
CONFIDENCE = 0.968  # what six pairs reach

Answer = Mapping[str, Any]
Ask = Callable[[str, str], Answer]
Works = Mapping[str, Sequence[str]]
"""What each subject has to do in a round, by its name."""


class Deadline:
    """When to stop beginning things; ``None`` seconds are forever."""

    def __init__(self, seconds: float | None) -> None:
        self.end = math.inf if seconds is None else time.monotonic() + seconds

    def fits(self, seconds: float) -> bool:
        """Whether something that takes so long would still end in time."""
        return time.monotonic() + seconds < self.end


class WorkerError(RuntimeError):
    """A worker's last lines."""


def environment(tree: Path) -> dict[str, str]:
    roots = [str(tree), str(Path(__file__).parents[2])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}


@contextmanager
def served(tree: Path, options: Mapping[str, Any]) -> Iterator[Ask]:
    """A tree's model loaded in a process, as a function of a work and ``warm`` or ``timed``."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(
            [sys.executable, str(WORKER), "serve", json.dumps(options), ""],
            env=environment(tree),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        given, answers = process.stdin, process.stdout

        def answer() -> Answer:
            line = answers.readline()
            if not line:
                process.wait()
                log.seek(0)
                raise WorkerError(log.read()[-2000:])
            result: Answer = json.loads(line)
            return result

        def ask(work: str, length: str) -> Answer:
            with suppress(BrokenPipeError):  # its log says why
                print(json.dumps({"work": work, "length": length}), file=given, flush=True)
            return answer()

        try:
            answer()  # it is loaded
            yield ask
        finally:
            process.kill()
            process.wait()
            answers.close()
            with suppress(BrokenPipeError):
                given.close()


def batches(works: Works, most: int) -> list[list[str]]:
    """Subjects in groups that are alive at once with pristine; those of the same work together."""
    others = sorted(
        (name for name in works if name != PRISTINE), key=lambda name: tuple(works[name])
    )
    size = max(1, most - 1)
    return [others[start : start + size] for start in range(0, len(others), size)]


def rounds_of(
    asks: dict[str, Ask],
    works: Works,
    rounds: int,
    deadline: Deadline,
    say: Callable[[str], None],
) -> tuple[dict[str, list[list[Answer]]], dict[str, str]]:
    """Answers by subject and round, and the failures of those that did not reach the end.

    A round lets every subject do each of its works once, in an order that is turned round from one
    to the next, so that drift and load meet all of them alike. No round is begun that would,
    taking as long as the longest so far, end too late.
    """
    result: dict[str, list[list[Answer]]] = {name: [] for name in asks}
    failed: dict[str, str] = {}
    order = list(asks)
    random.Random(0).shuffle(order)
    every = dict.fromkeys(work for name in order for work in works[name])
    longest = 0.0
    for number in range(rounds):
        if not deadline.fits(longest):
            say(f"out of time after {number} rounds")
            break
        began = time.monotonic()
        for name in result.keys() - failed.keys():
            result[name].append([])
        for work in every:
            for name in order if number % 2 == 0 else reversed(order):
                if work not in works[name] or name in failed:
                    continue
                try:
                    result[name][-1].append(asks[name](work, "timed"))
                except WorkerError as error:
                    failed[name] = str(error)
        longest = max(longest, time.monotonic() - began)
        say(f"round {number + 1} of {rounds}: {longest:.0f} s")
    return result, failed


def series_by_stage(rounds: Sequence[Sequence[Answer]]) -> dict[str, list[float]]:
    """Seconds of each stage, round by round."""
    series: dict[str, list[float]] = {}
    for answers in rounds:
        for answer in answers:
            for stage, seconds in answer["seconds"].items():
                series.setdefault(stage, []).append(seconds)
    return series


def compared(
    rounds: Sequence[Sequence[Answer]], pristine: Sequence[Sequence[Answer]], device: str
) -> dict[str, Any]:
    """What a subject's rounds say beside pristine's, stage by stage."""
    series, base = series_by_stage(rounds), series_by_stage(pristine)
    return {
        "tokens": max(answer["tokens"] for answers in rounds for answer in answers),
        "stages": {
            stage: speed_of(seconds, base[stage], margin_of(device))
            for stage, seconds in series.items()
            if stage in base
        },
    }


def speed_of(seconds: Sequence[float], pristine: Sequence[float], margin: float) -> dict[str, Any]:
    """The ratio of a subject's times to pristine's of the same rounds, judged as `verify` does."""
    result = statistics.interval(statistics.log_ratios(seconds, pristine), CONFIDENCE)
    evidence = speed.SpeedEvidence(result, CONFIDENCE, math.log1p(margin))
    return {
        "time_ratio": math.exp(result.estimate),
        "low": math.exp(result.low),
        "high": math.exp(result.high),
        "verdict": next(row.word.value for row in speed.TABLE if row.holds(evidence)),
        "rounds": len(seconds),
        "seconds": median(seconds),
        "pristine_seconds": median(pristine),
        "runs_s": [round(each, 4) for each in seconds],
    }
