"""The command line of `patcher run`."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command, target_option


@command(
    "run",
    short_help="Run a command against the patched tree.",
    examples="""
    patcher run -- python my_script.py
    patcher run -- python -c 'import chatterbox; print(chatterbox.__file__)'
    """,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@target_option
def run_command(session: Session, arguments: tuple[str, ...], target: str | None) -> int:
    """Run CMD with the working copy first on the import path; its exit status is the command's."""
    from patcher.commands import run as running

    return running.run(session.workspace(), arguments, target)
