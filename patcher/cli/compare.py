"""The command line of `patcher compare`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command


@command(
    "compare",
    short_help="Set two past verifications side by side.",
    examples="""
    patcher compare 3 7
    """,
)
@click.argument("first", type=click.IntRange(1), metavar="RUN")
@click.argument("second", type=click.IntRange(1), metavar="RUN")
def compare_command(session: CliSession, first: int, second: int) -> None:
    """Set two verifications of this workspace side by side: patches, cases, speed.

    Says whether their speeds may be compared at all: only on the same target, weights, cases and
    machine.
    """
    from patcher.commands import history
    from patcher.report.console import console, print_lines
    from patcher.report.runs import compare_lines

    result = history.compare(session.workspace(), first, second)
    session.emit(result)
    if not session.json:
        out = console(color=session.color)
        print_lines(out, compare_lines(result, out.width))
