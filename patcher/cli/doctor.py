"""The command line of `patcher doctor`."""

from __future__ import annotations

from patcher.cli.common import CliSession, command
from patcher.errors import PatcherError

COLOURS = {"problem": "red", "note": "yellow", "ok": "green"}


@command("doctor", short_help="Explain the environment and the workspace.")
def doctor_command(session: CliSession) -> None:
    """Check the environment, the records, the backups and the target's pins; change nothing.

    Exit status 1 when there is a problem; a note is no problem.
    """
    from patcher.commands.doctor import doctor
    from patcher.results import as_json

    result = doctor(session.workspace())
    for each in result.findings:
        head = f"{each.level:<8} {each.topic:<8} "
        session.say(head + each.message, hang=len(head), fg=COLOURS.get(each.level))
        if each.help:
            session.say(f"{'':17} help: {each.help}", hang=len(head) + 2)
    problems = [each for each in result.findings if each.level == "problem"]
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise PatcherError("doctor-problems", f"{count} found", payload=as_json(result))
    session.emit(result)
