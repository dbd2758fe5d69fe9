"""The command line of `patcher list`."""

from __future__ import annotations

from patcher.cli.common import Session, command, target_option


@command("list", short_help="Show the catalogue and each patch's state.")
@target_option
def list_command(session: Session, target: str | None) -> None:
    """Show every patch of the catalogue: what it claims, and its state on the working copy.

    States: available, applied, blocked (a site is missing, or a requirement), incompatible.
    """
    from patcher.commands.list import list_patches
    from patcher.report import text

    result = list_patches(session.workspace(), target)
    session.emit(result)
    if not session.json:
        text.print_catalogue(result, color=session.color)
