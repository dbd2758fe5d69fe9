"""The command line of `patcher export`."""

from __future__ import annotations

from pathlib import Path

import click

from patcher.cli.common import CliSession, command, target_option


@command(
    "export",
    short_help="Hand the patched tree on: diff, git patches, wheel.",
    examples="""
    patcher export --diff > mine.diff
    patcher export --format-patch out/     git am out/*.patch
    patcher export --wheel dist/           NAME-VERSION+patcher.HASH
    patcher export --in-place site-packages/
    """,
)
@click.option("--diff", "as_diff", is_flag=True, help="A unified diff on stdout.")
@click.option(
    "--format-patch",
    "patches",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="One git patch for each patch of the series, into DIR.",
)
@click.option(
    "--wheel",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="A wheel whose version is marked +patcher.HASH, into DIR.",
)
@click.option(
    "--in-place",
    "place",
    metavar="PATH",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The patched files in the place of the original ones, in the folder that holds them.",
)
@click.option("--undo", is_flag=True, help="With --in-place: the original files again.")
@click.option(
    "--receipt",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="With --wheel: the receipt to pack. [default: that of the last pass]",
)
@target_option
def export_command(
    session: CliSession,
    as_diff: bool,
    patches: Path | None,
    wheel: Path | None,
    place: Path | None,
    undo: bool,
    receipt: Path | None,
    target: str | None,
) -> None:
    """Hand the applied series on. The tree must be what patcher wrote.

    The messages of git patches say what each patch claims, its hazards and what was measured. A
    wheel carries a CycloneDX document of the patches and the receipt, and is the same file to the
    byte for the same tree and receipt (SOURCE_DATE_EPOCH sets its dates). --in-place writes all
    files or none, and none over somebody's edits.
    """
    ways = (as_diff, patches is not None, wheel is not None, place is not None)
    if ways.count(True) != 1:
        raise click.UsageError(
            "choose one of --diff, --format-patch DIR, --wheel DIR, --in-place PATH"
        )
    if undo and place is None:
        raise click.UsageError("--undo goes with --in-place PATH")
    if receipt is not None and wheel is None:
        raise click.UsageError("--receipt goes with --wheel DIR")
    from patcher.commands import export

    workspace = session.workspace()
    if as_diff:
        from patcher.commands import diff

        export.clean_copy(workspace, target)
        unified = diff.diff(workspace, target)
        session.emit(unified)
        if not session.json:
            click.echo(unified.diff, nl=False)
        return
    if patches is not None:
        result = export.format_patch(workspace, target, patches)
    elif place is not None:
        result = export.in_place(workspace, target, place, undo=undo)
        if not result.files:
            session.say("nothing to write: every file is as it should be")
    else:
        assert wheel is not None
        result = export.wheel(workspace, target, wheel, receipt)
    session.emit(result)
    for path in result.files:
        session.say(str(path))
