"""What the commands on the series print for people. Input: their results."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from patcher.report.words import joined
from patcher.report.wrapping import fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.results import ApplyResult, PlannedEdit, PlannedPatch, PlanResult, ShowResult
    from patcher.results.scanned import HazardOutcome

WRITABLE = {"ready", "already"}
NOT_HERE = {"upstream has it", "not there"}


def print_patch(result: ShowResult, *, color: bool | None) -> None:
    """One patch: its claim, its relations, its sites and its diff."""
    click.secho(result.name, bold=True, color=color)
    click.echo(f"  {result.summary}")
    click.echo(f"  target       {', '.join(result.target)}")
    click.echo(f"  state        {result.state.value}")
    click.echo(f"  equivalence  {result.equivalence}")
    if result.reproduction:
        click.echo("  reproduction yes: documents a failure, and is expected to fail")
    for key in ("requires", "companions", "conflicts"):
        if getattr(result, key):
            click.echo(f"  {key:<12} {', '.join(getattr(result, key))}")
    for title in ("hazards", "measured"):
        for sentence in getattr(result, title):
            click.echo(f"  {title[:-1] if title == 'hazards' else title}: {sentence}")
    click.echo(f"  spec         {result.spec}")
    for problem in result.problems:
        click.secho(problem, fg="yellow", color=color)
    print_diff(result.diff, color=color)


def print_fit(result: PlanResult, *, color: bool | None) -> None:
    """A line a patch: does it fit the source that was planned on."""
    _print_on(result)
    for patch in result.patches:
        wrong = [edit for edit in patch.edits if edit.status not in WRITABLE]
        if wrong:
            shade, word = "red", f"does not fit: {_why_not(patch, wrong)}"
        elif patch.problems:
            shade, word = "yellow", f"its code fits, but {', '.join(patch.problems)}"
        elif patch.needs:
            shade, word = "green", f"fits, but only on top of {joined(patch.needs)}"
            if all(edit.status == "already" for edit in patch.edits):
                shade, word = "yellow", f"has nothing left to do on top of {joined(patch.needs)}"
        elif patch.fit in NOT_HERE:
            shade, word = "yellow", patch.fit
        else:
            shade, word = "green", "fits"
        line = f"  {patch.name:<28} {word}"
        click.secho(fitted(line, sys.stdout, hang=6), fg=shade, color=color)


def _print_on(result: PlanResult) -> None:
    several = ", each patch on top of those before it that fit" if result.patches[1:] else ""
    click.echo(fitted(f"on {result.on}{several}:", sys.stdout))


def _why_not(patch: PlannedPatch, wrong: Sequence[PlannedEdit]) -> str:
    every = f"{len(wrong)} of {len(patch.edits)} edits" if patch.edits[1:] else "its edit"
    reasons = ", ".join(dict.fromkeys(edit.status for edit in wrong))
    taken = dict.fromkeys(edit.message for edit in wrong if edit.status == "conflict")
    earlier = "".join(f"; {message}, it fits without" for message in taken)
    moved = [edit for edit in patch.edits if edit.moved_to]
    places = f"; now at {', '.join(str(each.moved_to) for each in moved)}" if moved else ""
    return f"{every} {reasons}{earlier}{places}"


def print_plan(result: PlanResult, *, color: bool | None) -> None:
    """Every edit's status and sites, and what of a set is left out."""
    if result.on is not None:
        _print_on(result)
    for patch in result.patches:
        click.secho(patch.name, bold=True, color=color)
        for edit in patch.edits:
            good = edit.status in WRITABLE
            shade = "green" if good else "red"
            click.secho(f"  {edit.status:<10}", nl=False, fg=shade, color=color)
            fit = edit.moved_to or edit.fit
            click.echo("  ".join(filter(None, (edit.file, edit.within, f"({fit})" if fit else ""))))
            for site in edit.sites:  # a place between lines has no text
                click.echo(f"             {site.line}:{site.column}  {site.text}".rstrip())
            if result.on is not None and not good:  # elsewhere the errors that follow say it
                click.echo(fitted(f"             {edit.message}", sys.stdout))
            for note in edit.notes:
                click.secho(f"             note: {note}", fg="yellow", color=color)
    for left in result.left_out:
        click.secho(f"left out: {left.name}: {left.reason}", fg="yellow", color=color)
    for hazard in result.hazards or ():
        click.secho(hazard_line(hazard), fg="yellow", color=color)


def print_diff(diff: str, *, color: bool | None) -> None:
    """A unified diff, coloured by line."""
    for line in diff.splitlines(keepends=True):
        bold = line.startswith(("--- ", "+++ ", "diff "))
        shade = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1]) if not bold else None
        click.secho(line, nl=False, fg=shade, bold=bold, color=color)


def print_change(
    result: ApplyResult, verb: str, *, color: bool | None, quiet: bool = False
) -> None:
    """What an apply did."""
    if quiet:
        return
    done = "would be " + verb if result.dry_run else verb
    if result.applied:
        click.secho(f"{done}: {', '.join(result.applied)}", fg="green", color=color)
    if result.already:
        click.echo(f"already applied: {', '.join(result.already)}")
    for left in result.left_out:
        click.secho(f"left out: {left.name}: {left.reason}", fg="yellow", color=color)
    for file in result.files:
        click.echo(f"  {file.path}")
    for note in result.notes:
        click.secho(f"note: {note}", fg="yellow", color=color)
    if result.files and not result.dry_run:
        click.echo("next: `patcher verify` runs it beside pristine")


def hazard_line(hazard: HazardOutcome) -> str:
    """One hazard in one line."""
    parts = [f"{hazard.where}:{hazard.line}  {hazard.kind}"]
    if hazard.patch:
        parts.append(f"under {hazard.patch}")
    if hazard.fires_when:
        parts.append(f"when {hazard.fires_when}")
    if hazard.remedy:
        parts.append(f"remedy: {hazard.remedy}")
    return "; ".join(parts)
