"""The command line of `patcher gc`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, dry_run_option


@command("gc", short_help="Prune backups and caches nobody needs.")
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=10,
    metavar="N",
    show_default=True,
    help="Manifests to keep of each target.",
)
@click.option("--keep-runs", type=click.IntRange(min=0), default=50, metavar="N", show_default=True,
              help="Runs to keep, newest first.")  # fmt: skip
@dry_run_option
def gc_command(session: CliSession, keep: int, keep_runs: int, dry_run: bool) -> None:
    """Remove backups that neither a working copy nor one of the newest manifests needs, and runs.

    Pristine bytes of every file that a patch changes always stay. Of the kept runs (`patcher
    history`) the newest stay, and the last pass of each target, of which exports are made.
    """
    from patcher.store.gc import gc

    result = gc(session.workspace(), keep, keep_runs=keep_runs, dry_run=dry_run)
    session.emit(result)
    verb = "would remove" if dry_run else "removed"
    count, runs = len(result.removed), len(result.runs)
    backups = f"{count} file{'' if count == 1 else 's'} of backups"
    kept = f"{runs} run{'' if runs == 1 else 's'}"
    session.say(f"{verb} {backups} and {kept}, {result.freed_bytes / 1e6:.1f} MB")
