"""The command line of `patcher new`."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command, target_option


@command(
    "new",
    short_help="Write a spec scaffold for one site.",
    examples="""
    patcher new my_patch --at chatterbox/models/s3gen/hifigan.py:200
    """,
)
@click.argument("name")
@click.option("--at", required=True, metavar="FILE:LINE", help="The site, in the working copy.")
@target_option
def new_command(session: Session, name: str, at: str, target: str | None) -> None:
    """Write patches/NAME.yaml with one edit that matches the code at FILE:LINE.

    Change its `with` and the fixture's `after`, then run `patcher check NAME`.
    """
    from patcher.commands import new

    result = new.scaffold(session.workspace(), name, at, target)
    session.emit(result)
    session.say(result["text"], nl=False)
    session.tell(f"written to {result['spec']}; next: change `with`, then `patcher check {name}`")
