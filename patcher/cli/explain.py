"""The command line of `patcher explain`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command


@command(
    "explain",
    short_help="Explain an error code.",
    examples="""
    patcher explain drift
    patcher explain                    every code
    """,
)
@click.argument("code", required=False)
def explain_command(session: CliSession, code: str | None) -> None:
    """Say what an error code means, what was touched, and what to do.

    A code is what stands in brackets: error[drift].
    """
    from patcher.commands import explain
    from patcher.report.console import console, print_lines

    result = explain.explain(code)
    session.emit(result)
    if not session.json:
        out = console(color=session.color)
        print_lines(out, explain.lines(result, out.width))
