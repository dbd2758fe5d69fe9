"""The command line of `patcher apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from patcher.cli.common import CliSession, command, dry_run_option, target_option
from patcher.errors import Exit

if TYPE_CHECKING:
    from patcher.results.scanned import HazardOutcome


@command(
    "apply",
    short_help="Apply patches to the working copy, all or nothing.",
    examples="""
    patcher apply inference_mode
    patcher apply @exact --verify         keep it only when it passes
    patcher apply t3_lean_step --guarded --fallback --rollout 10
    """,
)
@click.argument("names", nargs=-1, metavar="NAME...|@SET", required=True)
@click.option("--verify", "then_verify", is_flag=True, help="Run `patcher verify` afterwards.")
@click.option("--scan", is_flag=True, help="Predict first what the patches will break.")
@click.option(
    "--guarded",
    is_flag=True,
    help="Keep the original code beside the patched, chosen at run time (PATCHER_DISABLE=NAME).",
)
@click.option(
    "--fallback",
    is_flag=True,
    help="With --guarded: where patched code raises, the original does the call.",
)
@click.option(
    "--rollout",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    help="With --guarded: the share of the calls that run patched code.  [default: 100]",
)
@dry_run_option
@target_option
@click.pass_context
def apply_command(
    context: click.Context,
    session: CliSession,
    names: tuple[str, ...],
    then_verify: bool,
    scan: bool,
    guarded: bool,
    fallback: bool,
    rollout: int | None,
    dry_run: bool,
    target: str | None,
) -> int:
    """Plan, back up, write and commit; all or nothing. What is applied already stays as it is."""
    from patcher.commands.shared.second_process import SecondProcess

    if not guarded and (fallback or rollout is not None):
        raise click.UsageError("--fallback and --rollout are for guarded patches: add --guarded")

    def warn(hazard: HazardOutcome) -> None:
        from patcher.report import text

        session.tell(text.hazard_line(hazard), fg="yellow")

    with SecondProcess() as second:
        from patcher.commands import apply
        from patcher.patchfile.model import Guard

        result = apply.apply(
            session.workspace(),
            names,
            apply.ApplyOptions(
                target,
                Guard(fallback, 100 if rollout is None else rollout) if guarded else None,
                dry_run,
            ),
            notify=session.tell,
            on_hazard=warn if scan else None,
            rewrite=second.rewrite_file,
        )
    from patcher.report import text

    if result.files and not dry_run:
        session.note_without_git()
    if not session.json:
        text.print_change(result, "applied", color=session.color, quiet=session.verbosity < 0)
    if then_verify and not dry_run:
        from patcher.cli import verify

        # Parsed as on a command line of its own: settings and environment give its defaults.
        asked = verify.verify_command.make_context("verify", [], parent=context.find_root())
        options, exports = verify.options_from({**asked.params, "target": target})
        return verify.verify_and_print(session, options, exports, before=result)
    session.emit(result)
    return int(Exit.OK)
