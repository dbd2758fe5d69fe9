"""Commands that look after a workspace: recover, doctor, gc."""

from __future__ import annotations

from dataclasses import asdict

import click

from patcher.cli.common import Session, command, dry_run_option
from patcher.errors import Exit

COLOURS = {"problem": "red", "note": "yellow", "ok": "green"}


@command("recover", short_help="Finish an interrupted command.")
def recover_command(session: Session) -> None:
    """Settle what an interrupted command left: finish it or undo it, and mend damaged records.

    Every other command that writes does this first by itself.
    """
    from patcher.store.recovery import recover

    result = recover(session.workspace())
    session.emit(result)
    for one in result["settled"]:
        session.say(f"settled: {one.get('action', 'a command')} was {one.get('outcome', 'undone')}")
    for path in result["mended"]:
        session.say(f"mended: {path}")
    if not result["settled"] and not result["mended"]:
        session.say("nothing was left unfinished")


@command("doctor", short_help="Explain the environment and the workspace.")
def doctor_command(session: Session) -> int:
    """Check the environment, the records, the backups and the target's pins; change nothing."""
    from patcher.store.doctor import doctor

    findings = doctor(session.workspace())
    session.emit({"findings": [asdict(one) for one in findings]})
    for one in findings:
        session.say(f"{one.level:<8} {one.topic:<8} {one.message}", fg=COLOURS.get(one.level))
        if one.help:
            session.say(f"{'':17} help: {one.help}")
    return int(Exit.OK)


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
