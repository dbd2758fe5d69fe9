"""The command line of `patcher plan`."""

from __future__ import annotations

from dataclasses import replace

import click

from patcher.cli.common import Session, command, target_option
from patcher.errors import Exit


@command(
    "plan",
    short_help="Say what a patch would change; write nothing.",
    examples="""
    patcher plan inference_mode --diff
    patcher plan @exact --on chatterbox-tts==0.1.5   what still fits another version
    """,
)
@click.argument("names", nargs=-1, metavar="NAME...", required=True)
@click.option("--diff", "show_diff", is_flag=True, help="Print the unified diff.")
@click.option("--on", "source", metavar="SOURCE", help="Plan on another source (as for init).")
@click.option("--check", is_flag=True, help="Exit 1 when an edit does not fit.")
@click.option("--scan", is_flag=True, help="Also predict what the patches will break.")
@target_option
def plan_command(
    session: Session,
    names: tuple[str, ...],
    show_diff: bool,
    source: str | None,
    check: bool,
    scan: bool,
    target: str | None,
) -> int:
    """Say for every edit whether it is ready, and where; write nothing."""
    from patcher.commands import plan
    from patcher.report import text

    result = plan.plan(session.workspace(), names, target=target, source=source)
    if scan:
        from patcher.commands import scan as scanning

        hazards = scanning.predict(session.workspace(), names, target=target, notify=session.tell)
        result = replace(result, hazards=hazards)
    if check:
        plan.require_fit(result)
    session.emit(result)
    if not session.json:
        text.print_plan(result, show_diff=show_diff, color=session.color)
    return int(Exit.OK)
