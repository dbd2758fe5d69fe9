"""The command line of `patcher gc`."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command, dry_run_option


@command("gc", short_help="Prune backups and caches nobody needs.")
@click.option("--keep", default=10, show_default=True, help="Manifests to keep of each target.")
@dry_run_option
def gc_command(session: Session, keep: int, dry_run: bool) -> None:
    """Remove backups that neither a working copy nor one of the newest manifests needs.

    Pristine bytes of every file that a patch changes always stay.
    """
    from patcher.store.gc import gc

    result = gc(session.workspace(), keep, dry_run=dry_run)
    session.emit(result)
    verb = "would remove" if dry_run else "removed"
    session.say(f"{verb} {len(result['removed'])} files, {result['freed_bytes'] / 1e6:.1f} MB")
