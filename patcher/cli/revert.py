"""The command line of `patcher revert`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command, dry_run_option, target_option


@command(
    "revert",
    short_help="Take patches out again, in any order.",
    examples="""
    patcher revert inference_mode     the others stay
    patcher revert --all              pristine, byte for byte
    """,
)
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "everything", is_flag=True, help="Back to pristine, byte for byte.")
@dry_run_option
@target_option
def revert_command(
    session: CliSession, names: tuple[str, ...], everything: bool, dry_run: bool, target: str | None
) -> None:
    """Take patches out of the series, in any order; the rest is replayed on pristine."""
    if everything == bool(names):
        raise click.UsageError("name patches to revert, or --all (one of the two)")
    from patcher.commands import revert

    workspace = session.workspace()
    if everything:
        result = revert.revert_all(workspace, target, dry_run=dry_run)
    else:
        result = revert.revert(workspace, names, target, dry_run=dry_run)
    session.emit(result)
    if result.files:
        session.note_without_git()
    if not session.json:
        reverted = ", ".join(result.reverted) or "nothing: the series was empty"
        session.say(f"{'would revert' if dry_run else 'reverted'}: {reverted}")
        for file in result.files:
            session.say(f"  {file.path}")
