"""The command line of `patcher doctor`."""

from __future__ import annotations

from dataclasses import asdict

from patcher.cli.common import Session, command
from patcher.errors import Exit

COLOURS = {"problem": "red", "note": "yellow", "ok": "green"}


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
