"""The command line of `patcher status`."""

from __future__ import annotations

from patcher.cli.common import CliSession, command, target_option


@command("status", short_help="Show the applied patches, drift, interrupted work.")
@target_option
def status_command(session: CliSession, target: str | None) -> None:
    """Show the series, files somebody else edited (drift), and work a crash left unfinished."""
    from patcher.commands import status

    result = status.status(session.workspace(), target)
    session.emit(result)
    for line in status.lines(result):
        session.say(line)
