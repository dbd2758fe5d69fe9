"""The command line of `patcher run`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, fail, target_option
from patcher.errors import PatcherError


@command(
    "run",
    short_help="Run a command against the patched tree.",
    examples="""
    patcher run -- python my_script.py
    patcher run -- python -c 'import package; print(package.__file__)'
    """,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@target_option
def run_command(session: CliSession, arguments: tuple[str, ...], target: str | None) -> int:
    """Run CMD with the working copy first on the import path; its exit status is the command's.

    With --json, what CMD prints goes to stderr, and stdout has the one object.
    """
    from patcher.commands import run as running
    from patcher.results import as_json

    result = running.run(session.workspace(), arguments, target, quiet_stdout=session.json)
    if result.status == 0:
        session.emit(result)
    elif session.json:
        message = f"{arguments[0]} ended with exit status {result.status}"
        fail(session, PatcherError("command-failed", message, payload=as_json(result)))
    return result.status
