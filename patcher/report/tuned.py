"""What people see of `patcher tune`: every comparison, then the set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from patcher.report.console import console, table
from patcher.report.judged import times_as_fast

if TYPE_CHECKING:
    from patcher.results import TriedSet, TuneResult


def print_tuned(result: TuneResult, *, color: bool | None) -> None:
    """A row a comparison; the set and what to do with it."""
    rows = [
        (f"{each.kind} {each.changed}", each.verdict or "", _said(each)) for each in result.tried
    ]
    if rows:
        console(color=color).print(table(("tried", "gates", "speed"), rows))
    if not result.complete:
        click.echo("time ran out before everything was tried: the same command goes on from here")
    if result.set is None and not result.complete and not any(map(_is_timed, result.tried)):
        click.echo(
            "set: none yet; no comparison of speed was finished: give it a longer `--budget`"
        )
        return
    if result.set is None:
        click.echo("set: none; nothing is faster than pristine here")
        return
    speed = times_as_fast(result.time_ratio, result.low, result.high)
    click.echo(f"set: @{result.set}, {speed}: {', '.join(result.patches)}")
    click.echo(f"written: {result.path}")
    click.echo(f"receipt: {result.receipt}")
    click.echo(f"next: `patcher apply @{result.set} --verify`")


def _is_timed(tried: TriedSet) -> bool:
    return tried.speed not in (None, "not-measured")


def _said(tried: TriedSet) -> str:
    if tried.error:
        return tried.error.partition("\n")[0]
    if tried.speed is None:
        return ""
    times = times_as_fast(tried.time_ratio, tried.low, tried.high)
    return f"{times}, {tried.speed}" if times else tried.speed
