"""The command line of `patcher capture`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, target_option


@command(
    "capture",
    short_help="Turn hand edits into a spec.",
    examples="""
    patcher status                         where the working copy is: edit files there
    patcher capture my_patch               writes patches/my_patch.yaml
    patcher apply my_patch --verify        the edits are the patch now; judge it
    """,
)
@click.argument("name")
@target_option
def capture_command(session: CliSession, name: str, target: str | None) -> None:
    """Turn hand edits in the working copy into patches/NAME.yaml.

    Every change that `patcher status` shows is captured, new, deleted and renamed files, data
    and modes included, or the capture is refused. The spec is replayed: every byte comes back.
    """
    from patcher.commands import capture

    result = capture.capture(session.workspace(), name, target)
    session.emit(result)
    session.say(result.text, nl=False)
    session.tell(f"written to {result.spec}; replayed, it gives every byte back")
    for path in result.attachments:
        session.tell(f"  with {path}")
    session.tell(f"next: {result.next}")
