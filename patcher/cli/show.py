"""The command line of `patcher show`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, target_option


@command(
    "show",
    short_help="Show one patch: claim, hazards, diff.",
    examples="""
    patcher show inference_mode
    """,
)
@click.argument("name")
@target_option
def show_command(session: CliSession, name: str, target: str | None) -> None:
    """Show one patch: what it claims, what it may break, and its diff on this working copy."""
    from patcher.commands import show
    from patcher.report import text

    result = show.show(session.workspace(), name, target)
    session.emit(result)
    if not session.json:
        text.print_patch(result, color=session.color)
