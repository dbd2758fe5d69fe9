"""Commands for those who write patches, and for handing results on: check, new, capture, export."""

from __future__ import annotations

from pathlib import Path

import click

from patcher.cli.common import Session, command, target_option


@command(
    "check",
    short_help="Lint specs and run their inline tests.",
    examples="""
    patcher check                     the whole catalogue
    patcher check inference_mode
    """,
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
def check_command(session: Session, names: tuple[str, ...]) -> None:
    """Lint specs and run the fixtures in them; exit 1 when there are problems."""
    from patcher.commands import authoring

    result = authoring.check(session.workspace(), names)
    session.emit(result)
    session.say(f"{len(result['checked'])} specs and {result['fixtures']} fixtures are fine")
    session.say(f"JSON Schema for editors: {result['schema_path']}")


@command(
    "new",
    short_help="Write a spec scaffold for one site.",
    examples="""
    patcher new my_patch --at chatterbox/models/s3gen/hifigan.py:200
    """,
)
@click.argument("name")
@click.option("--at", required=True, metavar="FILE:LINE", help="The site, in the working copy.")
@target_option
def new_command(session: Session, name: str, at: str, target: str | None) -> None:
    """Write patches/NAME.yaml with one edit that matches the code at FILE:LINE.

    Change its `with` and the fixture's `after`, then run `patcher check NAME`.
    """
    from patcher.commands import authoring

    result = authoring.scaffold(session.workspace(), name, at, target)
    session.emit(result)
    session.say(result["text"], nl=False)
    session.tell(f"written to {result['spec']}; next: change `with`, then `patcher check {name}`")


@command("capture", short_help="Turn hand edits into a spec.")
@click.argument("name")
@target_option
def capture_command(session: Session, name: str, target: str | None) -> None:
    """Turn hand edits in the working copy into patches/NAME.yaml: the smallest edits that
    reproduce them, checked by replaying.
    """
    from patcher.commands import authoring

    result = authoring.capture(session.workspace(), name, target)
    session.emit(result)
    session.say(result["text"], nl=False)
    for path in result["inexact"]:
        session.tell(f"note: {path} replays with other white space or comments", fg="yellow")
    session.tell(f"written to {result['spec']}; the working copy still holds the edits by hand")
    session.tell(f"next: {result['next']}")


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
        from patcher.commands import series

        export.clean_copy(workspace, target)
        result = series.diff(workspace, target)
        session.emit(result)
        if not session.json:
            click.echo(result["diff"], nl=False)
        return
    if patches is not None:
        result = export.format_patch(workspace, target, patches)
    else:
        assert wheel is not None
        result = export.wheel(workspace, target, wheel)
    session.emit(result)
    for path in result["files"]:
        session.say(path)
