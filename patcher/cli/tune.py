"""The command line of `patcher tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from patcher.cli.common import CliSession, command, target_option
from patcher.cli.verify import Duration


@command(
    "tune",
    short_help="Find the fastest set of the patches that fit.",
    examples="""
    patcher tune                          half an hour, the last verification included
    patcher tune --claim bitwise          only patches that keep every bit
    patcher tune --budget 2h --name mine  goes on where an earlier one stopped
    """,
)
@click.option("--budget", "budget_s", type=Duration(), default="30m", show_default=True,
              help="For all of it; begin nothing that would end later.")  # fmt: skip
@click.option("--claim", type=click.Choice(["bitwise", "close", "perceptual"]),
              default="perceptual", show_default=True,
              help="The loosest claim a patch may make.")  # fmt: skip
@click.option("--name", default="tuned", show_default=True, metavar="SET",
              help="Under which name the set is written.")  # fmt: skip
@click.option("--receipt", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Receipt of the last verification. [default: SET.receipt.json]")  # fmt: skip
@click.option("--again", is_flag=True, help="Repeat what is on record from an earlier run.")
@click.option("--models", metavar="NAME,...|all",
              help="Models for the clock. [default: the first of the matrix]")  # fmt: skip
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto",
              show_default=True, help="Where to run; auto is the best there is.")  # fmt: skip
@click.option("--scale", type=click.Choice(["tiny", "full"]), default="full", show_default=True,
              help="Size of the synthetic weights for the clock; gates run at tiny.")  # fmt: skip
@click.option("--timeout", type=Duration(), help="For one case. [default: 10 x baseline, >= 30 s]")
@click.option("--no-sandbox", "sandbox", is_flag=True, flag_value=False, default=True,
              help="Run workers unguarded.")  # fmt: skip
@click.option("--executor", metavar="NAME", help="Where workers run. [default: local]")
@target_option
def tune_command(
    session: CliSession,
    budget_s: float,
    claim: str,
    name: str,
    receipt: Path | None,
    again: bool,
    **parsed: Any,
) -> int:
    """Search the patches that fit for the fastest set that passes its gates on this machine.

    It starts from the fastest set of the catalogue, adds what makes that faster, alone or in place
    of what it conflicts with, and takes each patch out once more: what helps alone may hinder
    beside others. Every comparison is one of `patcher judge`: gates first, then the clock, in trees
    of their own. The winner is verified again beside pristine and written to patches/sets.yaml,
    with a receipt. What was compared is on record: the same command goes on where it stopped.
    """
    from patcher.commands import tune
    from patcher.patchfile.model import Equivalence
    from patcher.report.judged import line
    from patcher.report.live import Progress
    from patcher.report.tuned import print_tuned
    from patcher.verify.options import VerifyOptions

    options = tune.TuneOptions(
        VerifyOptions(**parsed), Equivalence(claim), budget_s, name, receipt, again
    )
    workspace = session.workspace()  # may have a note to print
    with Progress(color=session.color, quiet=session.verbosity < 0) as progress:
        result = tune.tune(
            workspace,
            options,
            progress,
            report=lambda each: progress.tell(line(each)),
            say=progress.tell,
        )
    session.emit(result)
    if not session.json:
        print_tuned(result, color=session.color)
    return 0
