"""The command line of `patcher new`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from patcher.cli.common import CliSession, command, target_option

if TYPE_CHECKING:
    from patcher.commands.new_workload import NewWorkload
    from patcher.results import NewResult


@command(
    "new",
    short_help="Write a patch, a workload or an adapter.",
    examples="""
    patcher new my_patch --at package/module.py:200
    patcher new my_patch --at package/module.py --match 'sorted(list($X))' --with 'sorted($X)'
    patcher new --workload                bench.py: what to run, and what to compare
    patcher new --adapter my_adapter      the same with models, tests and stages of your own
    """,
)
@click.argument("name", required=False)
@click.option(
    "--at",
    metavar="FILE[:LINE]",
    help="The site of a patch; LINE of the file as it is in the working copy now.",
)
@click.option("--match", metavar="CODE", help="What to replace there. [default: what is at LINE]")
@click.option("--with", "code", metavar="CODE", help="What comes instead: the patch is whole.")
@click.option("--claim", type=click.Choice(["bitwise", "close", "perceptual"]), default="bitwise",
              show_default=True, help="The gate that it must pass, with --with.")  # fmt: skip
@click.option("--workload", is_flag=True, help="Write NAME.py (bench.py): what to run.")
@click.option("--adapter", is_flag=True, help="Write NAME.py: an adapter that runs.")
@target_option
def new_command(
    session: CliSession,
    name: str | None,
    at: str | None,
    match: str | None,
    code: str | None,
    claim: str,
    workload: bool,
    adapter: bool,
    target: str | None,
) -> None:
    """Write patches/NAME.yaml with one edit that matches the code at FILE:LINE.

    Change its `with`, then run `patcher check NAME`. Add an `after` to the fixture to say what
    it becomes. With --with CODE the patch is whole at once: the statement at LINE, or what --match
    matches (once, in the file or in the function around LINE), becomes CODE.

    With --workload or --adapter: write the file that says what of the package `patcher verify`
    runs and compares, and the line in patcher.toml that names it.
    """
    if (at is not None, workload, adapter).count(True) != 1:
        raise click.UsageError("choose one of NAME --at FILE:LINE, --workload, --adapter")
    if match is not None and code is None:
        raise click.UsageError("--match CODE needs --with CODE: what comes instead")
    if at is not None:
        if name is None:
            raise click.UsageError("name the patch: patcher new NAME --at FILE:LINE")
        from patcher.commands import new

        if code is None:
            result = new.scaffold(session.workspace(), name, at, target)
            _report_patch(session, result, f"change `with`, then `patcher check {name}`")
        else:
            from patcher.patchfile.model import Equivalence
            from patcher.rewrite.authoring.replacement import Replacement

            change, gate = Replacement(code, match), Equivalence(claim)
            result = new.replace_site(session.workspace(), name, at, change, gate, target)
            _report_patch(session, result, f"`patcher verify {name}`")
        return
    if code is not None:
        raise click.UsageError("--with CODE needs --at FILE: where")
    from patcher.commands import new_workload

    write = new_workload.new_workload if workload else new_workload.new_adapter
    report(session, write(session.workspace(), name, target))


def _report_patch(session: CliSession, result: NewResult, following: str) -> None:
    session.emit(result)
    session.say(result.text, nl=False)
    if result.note:
        session.tell(f"note: {result.note}", fg="yellow")
    session.tell(f"written to {result.spec}; next: {following}")


def report(session: CliSession, written: NewWorkload) -> None:
    """Say which files were written, and what comes next."""
    session.emit(written.as_json())
    if written.made:
        session.say(written.text, nl=False)
        session.tell(f"written to {written.file}")
    session.tell(f"{written.settings.name} now says: {written.line}")
    fill_in = f"fill in {written.file.name}, then " if written.made else ""
    session.tell(f"next: {fill_in}`patcher verify`")
