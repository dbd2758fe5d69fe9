"""The command line of `patcher export`."""

from __future__ import annotations

from pathlib import Path

import click

from patcher.cli.common import Session, command, target_option


@command(
    "export",
    short_help="Hand the patched tree on: diff, git patches, wheel.",
    examples="""
    patcher export --diff > chatterbox.diff
    patcher export --wheel dist/           chatterbox_tts-0.1.7+patcher.HASH
    """,
)
@click.option("--diff", "as_diff", is_flag=True, help="A unified diff on stdout.")
@click.option(
    "--format-patch",
    "patches",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="One git patch a patch of the series, into DIR.",
)
@click.option(
    "--wheel",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="A wheel whose version is marked +patcher.HASH, into DIR.",
)
@target_option
def export_command(
    session: Session, as_diff: bool, patches: Path | None, wheel: Path | None, target: str | None
) -> None:
    """Hand the applied series on. The tree must be what patcher wrote."""
    if (as_diff, patches is not None, wheel is not None).count(True) != 1:
        raise click.UsageError("choose one of --diff, --format-patch DIR, --wheel DIR")
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
    else:
        assert wheel is not None
        result = export.wheel(workspace, target, wheel)
    session.emit(result)
    for path in result.files:
        session.say(str(path))
