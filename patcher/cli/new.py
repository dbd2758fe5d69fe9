"""The command line of `patcher new`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from patcher.cli.common import Session, command, target_option

if TYPE_CHECKING:
    from patcher.commands.new_workload import NewWorkload


@command(
    "new",
    short_help="Write a spec scaffold, a workload or an adapter.",
    examples="""
    patcher new my_patch --at chatterbox/models/s3gen/hifigan.py:200
    patcher new --workload                bench.py: what to run, and what to compare
    patcher new --adapter my_adapter      the same with models, tests and stages of your own
    """,
)
@click.argument("name", required=False)
@click.option("--at", metavar="FILE:LINE", help="The site of a patch, in the working copy.")
@click.option("--workload", is_flag=True, help="Write NAME.py (bench.py): what to run.")
@click.option("--adapter", is_flag=True, help="Write NAME.py: an adapter that runs.")
@target_option
def new_command(
    session: Session,
    name: str | None,
    at: str | None,
    workload: bool,
    adapter: bool,
    target: str | None,
) -> None:
    """Write patches/NAME.yaml with one edit that matches the code at FILE:LINE.

    Change its `with`, then run `patcher check NAME`. Add an `after` to the fixture to say what
    it becomes.

    With --workload or --adapter: write the file that says what of the package `patcher verify`
    runs and compares, and the line in patcher.toml that names it.
    """
    if (at is not None, workload, adapter).count(True) != 1:
        raise click.UsageError("choose one of NAME --at FILE:LINE, --workload, --adapter")
    if at is None:
        from patcher.commands import new_workload

        write = new_workload.new_workload if workload else new_workload.new_adapter
        report(session, write(session.workspace(), name, target))
        return
    if name is None:
        raise click.UsageError("name the patch: patcher new NAME --at FILE:LINE")
    from patcher.commands import new

    result = new.scaffold(session.workspace(), name, at, target)
    session.emit(result)
    session.say(result.text, nl=False)
    session.tell(f"written to {result.spec}; next: change `with`, then `patcher check {name}`")


def report(session: Session, written: NewWorkload) -> None:
    """Say which files were written, and what comes next."""
    session.emit(written.as_json())
    session.say(written.text, nl=False)
    session.tell(f"written to {written.file}")
    session.tell(f"{written.settings.name} now says: {written.line}")
    session.tell(f"next: fill in {written.file.name}, then `patcher verify`")
