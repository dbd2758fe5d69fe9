"""The command line of `patcher check`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command


@command(
    "check",
    short_help="Lint specs and run the fixtures in them.",
    examples="""
    patcher check                     your specs, and those of the catalogue for your targets
    patcher check my_patch
    patcher check --all               also those for other targets
    """,
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--all", "everything", is_flag=True, help="Also what is for other targets.")
def check_command(session: CliSession, names: tuple[str, ...], everything: bool) -> None:
    """Lint specs and run the fixtures in them; exit 1 when there are problems."""
    from patcher.commands import check
    from patcher.report.words import count

    result = check.check(session.workspace(), names, everything=everything)
    session.emit(result)
    checked, fixtures = count(len(result.checked), "spec"), count(result.fixtures, "fixture")
    session.say(f"{checked} and {fixtures} are fine")
    if result.elsewhere:
        more = f"{count(result.elsewhere, 'spec')} for other targets"
        session.say(f"{more} not checked: `patcher check --all`")
    session.say(f"JSON Schema for editors: {result.schema_path}")
