"""What people see of `patcher judge`: a line as something is known, a table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from patcher.report.console import console, table

if TYPE_CHECKING:
    from patcher.results import JudgedCandidate, JudgeResult


def line(result: JudgedCandidate) -> str:
    """One candidate in one line."""
    parts = [result.name, result.verdict or "not run"]
    if result.speed:
        parts.append(gain(result))
    if result.error:
        parts.append(_said(result))
    return ": ".join([parts[0], ", ".join(parts[1:])])


def gain(result: JudgedCandidate) -> str:
    """Its speed in words: ``1.52 times as fast (1.44 to 1.60)``, and the verdict."""
    times = times_as_fast(result.time_ratio, result.low, result.high)
    return f"{times}, {result.speed}" if times else str(result.speed)


def times_as_fast(time_ratio: float | None, low: float | None, high: float | None) -> str:
    """A ratio of times with its interval, the other way round; empty where there is none."""
    if time_ratio is None or not low or not high:
        return ""
    return f"{1 / time_ratio:.2f} times as fast ({1 / high:.2f} to {1 / low:.2f})"


def print_judged(result: JudgeResult, *, color: bool | None) -> None:
    """Every candidate, what is kept first; then what to do with it.

    Without a measured speed nothing can be kept: what passes its gates is counted.
    """
    timed = any(each.speed for each in result.candidates)
    rows: list[tuple[str, ...]] = [
        (each.name, each.verdict or "not run", _said(each), "yes" if each.kept else "")
        for each in result.candidates
    ]
    if not timed:
        rows = [row[:3] for row in rows]
    headings = ("candidate", "gates", "speed", "kept") if timed else ("candidate", "gates", "why")
    console(color=color).print(table(headings, rows))
    if not timed:
        passed = sum(each.verdict == "pass" for each in result.candidates)
        click.echo(f"{passed} of {len(result.candidates)} pass their gates; no speed was measured")
        return
    if not result.kept:
        click.echo("kept: nothing")
        return
    click.echo(f"kept: {', '.join(result.kept)}")
    patches = next(each.patches for each in result.candidates if each.name == result.kept[0])
    click.echo(f"next: `patcher apply {' '.join(patches)} --verify`")


def _said(result: JudgedCandidate) -> str:
    if result.speed and not result.error:
        return gain(result)
    why = visible((result.error or "").partition("\n")[0])
    return f"{result.where}: {why}" if result.where else why


def visible(text: str) -> str:
    """A text without what a terminal would obey."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
