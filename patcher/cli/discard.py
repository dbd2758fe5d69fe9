"""The command line of `patcher discard`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, dry_run_option, target_option


@command(
    "discard",
    short_help="Take hand edits out of the working copy, kept as a backup.",
    examples="""
    patcher discard package/module.py
    patcher discard .                      every hand edit
    """,
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@dry_run_option
@target_option
def discard_command(
    session: CliSession, paths: tuple[str, ...], dry_run: bool, target: str | None
) -> None:
    """Put files that were edited by hand back to what patcher left there.

    The edited bytes are kept in backups/ first; applied patches stay applied.
    """
    from patcher.commands import discard

    result = discard.discard(session.workspace(), paths, target, dry_run=dry_run)
    session.emit(result)
    if not result.discarded:
        session.say("nothing to discard: no file was edited by hand")
    done = "would be discarded" if dry_run else "discarded"
    for each in result.discarded:
        kept = f"  kept as {each.backup}" if each.backup and not dry_run else ""
        session.say(f"{done}: {each.kind:<8} {each.path}{kept}")
