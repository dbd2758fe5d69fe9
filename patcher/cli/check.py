"""The command line of `patcher check`."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command


@command(
    "check",
    short_help="Lint specs and run their inline tests.",
    examples="""
    patcher check                     the whole catalogue
    patcher check inference_mode
    """,
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
def check_command(session: Session, names: tuple[str, ...]) -> None:
    """Lint specs and run the fixtures in them; exit 1 when there are problems."""
    from patcher.commands import check

    result = check.check(session.workspace(), names)
    session.emit(result)
    session.say(f"{len(result.checked)} specs and {result.fixtures} fixtures are fine")
    session.say(f"JSON Schema for editors: {result.schema_path}")
