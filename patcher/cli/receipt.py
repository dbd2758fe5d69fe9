"""The command line of `patcher receipt`."""

from __future__ import annotations

from pathlib import Path

import click

from patcher.cli.common import CliSession, command, common_options

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("receipt", short_help="Check receipts of verifications, or join them.")
@common_options
def receipt_command() -> None:
    """Receipts are written by `patcher verify --receipt FILE`: trees, patches, machine, versions,
    inputs, runs, intervals, rule, guards and hashes behind a verdict.
    """


@command(
    "check",
    short_help="Say whether a verdict still holds here.",
    examples="""
    patcher receipt check verdict.json
    """,
)
@click.argument("file", type=FILE)
def check_receipt(session: CliSession, file: Path) -> int:
    """Say whether the verdict of FILE still holds here: the same target, patches, workload,
    machine and versions. Nothing is run. Exit status 1 when it does not hold.
    """
    from patcher.commands import receipt
    from patcher.errors import PatcherError

    result = receipt.check(session.workspace(), file)
    body = result.as_json()
    if not result.holds:
        message = f"the verdict of {file} does not hold here"
        raise PatcherError(
            "check-failed",
            message,
            hint="`patcher verify --receipt FILE` makes one that does",
            notes=result.differences,
            payload=body,
        )
    session.emit(body)
    if not session.json:
        speed = f", {body['speed']}" if body["speed"] else ""
        click.echo(f"holds here: {body['verdict']}{speed} ({body['made_at']})")
    return 0


@command(
    "join",
    short_help="Make one verdict for each kind of machine.",
    examples="""
    patcher receipt join laptop.json server.json gpu.json
    """,
)
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
def join_receipts(session: CliSession, files: tuple[Path, ...]) -> int:
    """Make one verdict for each kind of machine out of receipts of one series, and show where
    machines disagree.
    """
    from patcher.commands import receipt
    from patcher.report.words import count

    joined = receipt.join(files)
    session.emit(joined.as_json())
    if not session.json:
        for each in joined.machines:
            speeds = f", {', '.join(each.speeds)}" if each.speeds else ""
            made = count(len(each.receipts), "receipt")
            click.echo(f"{each.machine}: {each.verdict}{speeds} ({made})")
        for line in joined.disagreements:
            click.echo(f"they disagree: {line}")
        click.echo(f"together: {joined.verdict}")
    return 0


receipt_command.add_command(check_receipt)
receipt_command.add_command(join_receipts)
