"""The command line of `patcher capture`."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command, target_option


@command("capture", short_help="Turn hand edits into a spec.")
@click.argument("name")
@target_option
def capture_command(session: Session, name: str, target: str | None) -> None:
    """Turn hand edits in the working copy into patches/NAME.yaml: the smallest edits that
    reproduce them, checked by replaying.
    """
    from patcher.commands import capture

    result = capture.capture(session.workspace(), name, target)
    session.emit(result)
    session.say(result.text, nl=False)
    for path in result.inexact:
        session.tell(f"note: {path} replays with other white space or comments", fg="yellow")
    session.tell(f"written to {result.spec}; the working copy still holds the edits by hand")
    session.tell(f"next: {result.next}")
