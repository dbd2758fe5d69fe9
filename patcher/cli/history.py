"""The command line of `patcher history`."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command


@command("history", short_help="Show past verifications.")
@click.option("-n", "--last", default=20, show_default=True, help="How many.")
def history_command(session: Session, last: int) -> None:
    """Show past verifications of this workspace, newest first, with their speed ratio."""
    from patcher.commands import history as past
    from patcher.report.console import console, table

    result = past.history(session.workspace(), last)
    session.emit(result)
    if not session.json:
        rows = [
            [
                one.when,
                one.verdict,
                ", ".join(one.series) or "none",
                f"{one.passed}/{one.cases}",
                one.speed,
                one.time_ratio,
            ]
            for one in result.verifications
        ]
        headings = ["when (UTC)", "verdict", "series", "passed", "speed", "time ratio"]
        console(color=session.color).print(table(headings, rows))
