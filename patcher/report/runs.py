"""Past verifications as rows: which may be compared, and what two of them say side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from patcher.report import words
from patcher.report.console import Line
from patcher.report.verdict import columns
from patcher.report.wrapping import wrap

if TYPE_CHECKING:
    from patcher.report.record import Record
    from patcher.results import CompareResult, HistoryResult, TimedRun

# Facts of the environment that decide whether two timings may be compared.
DECISIVE = ("processor", "processors", "gpus", "threads", "device", "python", "torch")


def comparable_to(one: Record, other: Record) -> tuple[str, ...]:
    """Why the speed of two runs cannot be compared; empty when it can."""
    result = [
        f"{name}: {mine or 'unknown'} and {others or 'unknown'}"
        for name, mine, others in (
            ("target", one.target, other.target),
            ("version", one.version, other.version),
            ("weights", one.weights, other.weights),
        )
        if mine != others
    ]
    for name in DECISIVE:
        mine, others = one.environment.get(name), other.environment.get(name)
        if mine != others:
            result.append(f"{name}: {mine} and {others}")
    if {(c.model, c.test) for c in one.cases} != {(c.model, c.test) for c in other.cases}:
        result.append("the cases differ")
    return tuple(result)


def trend(newest_first: Sequence[Record]) -> tuple[Record, ...]:
    """The timed runs that may be compared with the newest timed one, oldest first."""
    timed = [each for each in newest_first if each.speed is not None and each.speed.measured]
    if not timed:
        return ()
    return tuple(each for each in reversed(timed) if not comparable_to(timed[0], each))


def history_lines(result: HistoryResult, width: int) -> Iterable[Line]:
    """What `patcher history` prints."""
    rows = [["run", "when (UTC)", "verdict", "passed", "times as fast"]]
    entries = result.verifications
    if not entries:
        yield Line("no verification yet; `patcher verify` makes the first")
        return
    for each in entries:
        ratio = each.time_ratio
        speed = f"{1 / ratio:.2f}" if ratio else (each.speed or "-")
        passed = f"{each.passed} of {each.cases}"
        rows.append([str(each.id), each.when, each.verdict, passed, speed])
    head, *lines = columns(rows)
    yield Line(head, "bold")
    for each, line in zip(entries, lines, strict=True):
        yield Line(line)
        for part in wrap(", ".join(each.series) or "no patch", width, "      ", "      "):
            yield Line(part, "dim")
    yield from trend_lines(result.trend, width)


def trend_lines(runs: Sequence[TimedRun], width: int) -> Iterable[Line]:
    """The comparable timed runs as bars."""
    if len(runs) < 2:
        return
    yield Line()
    yield Line("times as fast, runs that can be compared (oldest first):", "bold")
    fast = [1 / each.time_ratio for each in runs]
    room = max(10, min(40, width - 20))
    for each, value in zip(runs, fast, strict=True):
        bar = "█" * max(1, round(room * value / max(fast)))
        yield Line(f"{each.id:>5}  {value:5.2f}  {bar}")


def compare_lines(result: CompareResult, width: int) -> Iterable[Line]:
    """What `patcher compare` prints."""
    first, second = result.first, result.second
    rows = [["", f"run {first.id}", f"run {second.id}"]]
    for label, key in (("when (UTC)", "when"), ("verdict", "verdict"), ("target", "target"),
                       ("version", "version")):  # fmt: skip
        rows.append([label, *(str(getattr(each, key) or "-") for each in (first, second))])
    rows.append(["passed", *(f"{each.passed} of {each.cases}" for each in (first, second))])
    speeds = [f"{1 / each.time_ratio:.2f}" if each.time_ratio else "not measured"
              for each in (first, second)]  # fmt: skip
    rows.append(["times as fast", *speeds])
    head, *lines = columns(rows)
    yield Line(head, "bold")
    for line in lines:
        yield Line(line)
    yield Line()
    for label, names in (("added", result.added), ("removed", result.removed)):
        if names:
            for part in wrap(f"{label}: {words.joined(names)}", width, "", "  "):
                yield Line(part)
    changed = [each for each in result.cases if each.first != each.second]
    for each in changed:
        text = f"{each.model} / {each.test}: {each.first or 'not run'}, then "
        for part in wrap(text + (each.second or "not run"), width, "", "  "):
            yield Line(part)
    if not changed:
        yield Line("every case has the same result")
    untimed = [each.id for each in (first, second) if not each.time_ratio]
    if untimed:
        which = f"run {untimed[0]} was not timed" if len(untimed) == 1 else "neither was timed"
        yield Line(f"the speeds cannot be compared: {which}")
    elif result.comparable:
        yield Line("the speeds can be compared: same target, weights, cases and machine")
    else:
        text = f"the speeds cannot be compared: {'; '.join(result.differences)}"
        for part in wrap(text, width, "", "  "):
            yield Line(part, "yellow")
