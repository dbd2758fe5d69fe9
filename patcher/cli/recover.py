"""The command line of `patcher recover`."""

from __future__ import annotations

from patcher.cli.common import CliSession, command


@command("recover", short_help="Finish an interrupted command.")
def recover_command(session: CliSession) -> None:
    """Settle what an interrupted command left: finish it or undo it, and mend damaged records.

    Every other command that writes does this first by itself.
    """
    from patcher.store.recovery import recover

    result = recover(session.workspace())
    session.emit(result)
    for each in result.settled:
        session.say(f"settled: {each.action} was {each.outcome.value}")
    for path in result.mended:
        session.say(f"mended: {path}")
    if not result.settled and not result.mended:
        session.say("nothing was left unfinished")
