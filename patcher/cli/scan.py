"""The command line of `patcher scan`."""

from __future__ import annotations

from pathlib import Path

import click

from patcher.cli.common import CliSession, command, sarif_option, target_option


@command(
    "scan",
    short_help="Predict what a patch will break.",
    examples="""
    patcher scan                                  the static map; runs nothing
    patcher scan --dynamic --html map.html        and what the cases do
    patcher scan inference_mode                   what it will break, without applying it
    patcher scan inference_mode --draft           and a spec that removes the cause
    """,
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--package", "packages", multiple=True, metavar="NAME",
              help="Also map this dependency; repeatable.")  # fmt: skip
@click.option("--draft", is_flag=True, help="Print a spec that makes each update out of place.")
@click.option("--dynamic", is_flag=True, help="Also map what the cases do, run on pristine.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Also write all of it as a page.")  # fmt: skip
@sarif_option
@target_option
def scan_command(
    session: CliSession,
    names: tuple[str, ...],
    packages: tuple[str, ...],
    draft: bool,
    dynamic: bool,
    html: Path | None,
    sarif: Path | None,
    target: str | None,
) -> None:
    """Map where tensors are updated in place, under which modes, and where they are converted.

    With patches named, run the cases on pristine and predict what the patches will break, as if
    they were applied in this order. The working copy is not touched.
    """
    from patcher.commands import scan
    from patcher.report import scan as report
    from patcher.report.live import Progress

    workspace = session.workspace()  # may have a note to print
    with Progress(color=session.color, quiet=session.verbosity < 0) as progress:
        result = scan.scan(
            workspace,
            names,
            scan.ScanOptions(packages, draft, dynamic),
            target=target,
            observer=progress,
        )
    if html is not None:
        from patcher.report.scan_page import page

        title = f"patcher scan {' '.join(names)}".strip()
        text = page(title, result)
        html.write_text(text, encoding="utf-8")
    if sarif is not None:
        from patcher import __version__
        from patcher.report.sarif import log, of_hazards, of_map

        findings = [*of_hazards(result.hazards), *of_map(result.static.values())]
        sarif.write_text(log(findings, "scan", __version__), encoding="utf-8")
    session.emit(result)
    if not session.json:
        report.print_scan(result, names=names, color=session.color)
