"""The command line of `patcher list`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, target_option


@command(
    "list",
    short_help="Show the catalogue and each patch's state.",
    examples="""
    patcher list                  what is made for this target
    patcher list --set exact
    patcher list --fits           only what can be applied now
    """,
)
@click.option(
    "--all", "everything", is_flag=True, help="Also what does not fit, and what fails on purpose."
)
@click.option("--set", "only_set", metavar="NAME", help="Only the patches of a set, in its order.")
@click.option("--fits", is_flag=True, help="Only what is applied, or can be applied now.")
@target_option
def list_command(
    session: CliSession, everything: bool, only_set: str | None, fits: bool, target: str | None
) -> None:
    """Show the catalogue, one line for each patch: what it claims, what it gained when it was
    timed, and its state on the working copy.

    States: available, applied, blocked (a site is missing, or a requirement), incompatible.
    """
    from patcher.commands.list import list_patches
    from patcher.report.catalogue import catalogue_lines
    from patcher.report.console import console, print_lines

    result = list_patches(session.workspace(), target, only_set=only_set, fits=fits)
    session.emit(result)
    if not session.json:
        out = console(color=session.color)
        whole = everything or only_set is not None or fits
        print_lines(out, catalogue_lines(result, out.width, everything=whole))
