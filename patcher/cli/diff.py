"""The command line of `patcher diff`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, target_option


@command(
    "diff",
    short_help="Show patched against pristine.",
    examples="""
    patcher diff
    patcher diff > mine.diff               for `git apply`, and for `patcher judge`
    """,
)
@target_option
def diff_command(session: CliSession, target: str | None) -> None:
    """Print the unified diff of the applied series; `git apply` accepts it."""
    from patcher.commands import diff

    result = diff.diff(session.workspace(), target)
    session.emit(result)
    if not session.json:
        click.echo(result.diff, nl=False)
