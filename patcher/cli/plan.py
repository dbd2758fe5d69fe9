"""The command line of `patcher plan`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from patcher.cli.common import CliSession, command, sarif_option, target_option

if TYPE_CHECKING:
    from patcher.results import PlanResult


@command(
    "plan",
    short_help="Say what a patch would change; write nothing.",
    examples="""
    patcher plan inference_mode --diff
    patcher plan @exact --on NAME==VERSION   what still fits another version
    patcher plan my_patch --check --sarif plan.sarif for a code host that shows findings
    """,
)
@click.argument("names", nargs=-1, metavar="NAME...", required=True)
@click.option("--diff", "show_diff", is_flag=True, help="Print the unified diff.")
@click.option("--on", "source", metavar="SOURCE", help="Plan on another source (as for init).")
@click.option("--check", is_flag=True, help="Exit 1 when an edit does not fit.")
@click.option("--scan", is_flag=True, help="Also predict what the patches will break.")
@sarif_option
@target_option
def plan_command(
    session: CliSession,
    names: tuple[str, ...],
    show_diff: bool,
    source: str | None,
    check: bool,
    scan: bool,
    sarif: Path | None,
    target: str | None,
) -> None:
    """Say for every edit whether it is ready, and where; write nothing.

    Several patches are planned as they would be applied: each on what those before it leave.

    Exit status 3 when `patcher apply` would refuse. With --on one line for each patch says whether
    it fits (-v: every edit), and the exit status is 0 unless --check is given. To see how each
    fits by itself, plan them one by one.
    """
    from patcher.commands import plan
    from patcher.report import text

    result = plan.plan(session.workspace(), names, target=target, source=source)
    if scan:
        from patcher.commands import scan as scanning

        hazards = scanning.predict(session.workspace(), names, target=target, notify=session.tell)
        result = replace(result, hazards=hazards)
    if sarif is not None:
        write_sarif(session, sarif, result)
    if not session.json and session.verbosity >= 0:
        if source is not None and session.verbosity == 0:
            text.print_fit(result, color=session.color)
        else:
            text.print_plan(result, color=session.color)
        if show_diff:
            text.print_diff(result.diff, color=session.color)
    if check or source is None:
        plan.require_fit(result, check=check)
    session.emit(result)


def write_sarif(session: CliSession, file: Path, result: PlanResult) -> None:
    """Write a plan's findings; a spec that is not the workspace's own stands in the catalogue."""
    from patcher import __version__
    from patcher.report import sarif

    patches = session.workspace().patches_dir

    def spec(name: str) -> str:
        own = patches / f"{name}.yaml"
        return f"{patches.name}/{own.name}" if own.exists() else f"patcher/catalogue/{own.name}"

    findings = [*sarif.of_plan(result, spec), *sarif.of_hazards(result.hazards or ())]
    file.write_text(sarif.log(findings, "plan", __version__), encoding="utf-8")
