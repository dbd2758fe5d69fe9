"""Commands on the working copy and the series of patches applied to it."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command, dry_run_option, target_option
from patcher.errors import Exit


@command(
    "init",
    short_help="Make the working copy of a package.",
    examples="""
    patcher init                          the installed chatterbox-tts
    patcher init chatterbox-tts==0.1.5    from the registry, fetched with pip, not imported
    patcher init ./dist/pkg-1.0-py3-none-any.whl
    patcher init ../my-fork --in-place    patch a git checkout of yours where it stands
    """,
)
@click.argument("source", required=False)
@click.option("--in-place", is_flag=True, help="Patch the git checkout SOURCE itself.")
def init_command(session: Session, source: str | None, in_place: bool) -> None:
    """Make the git-tracked working copy that patches are applied to.

    SOURCE is an installed distribution (default: chatterbox-tts), NAME==VERSION from the registry,
    a wheel or sdist, a folder, a git checkout or a git URL.
    """
    from patcher.commands import series

    result = series.init(session.workspace(), source, in_place=in_place, tell=session.tell)
    session.emit(result)
    session.say(f"{result['target']} {result['version']} from {result['origin']}")
    session.say(f"working copy: {result['root']}")


@command("list", short_help="Show the catalogue and each patch's state.")
@target_option
def list_command(session: Session, target: str | None) -> None:
    """Show every patch of the catalogue: what it claims, and its state on the working copy.

    States: available, applied, blocked (a site is missing, or a requirement), incompatible.
    """
    from patcher.commands import series
    from patcher.report import text

    result = series.catalogue(session.workspace(), target)
    session.emit(result)
    if not session.json:
        text.print_catalogue(result, color=session.color)


@command("show", short_help="Show one patch: claim, hazards, diff.")
@click.argument("name")
@target_option
def show_command(session: Session, name: str, target: str | None) -> None:
    """Show one patch: what it claims, what it may break, and its diff on this working copy."""
    from patcher.commands import series
    from patcher.report import text

    result = series.show(session.workspace(), name, target)
    session.emit(result)
    if not session.json:
        text.print_patch(result, color=session.color)


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
    from patcher.commands import series
    from patcher.report import text

    result = series.plan(session.workspace(), names, target=target, source=source)
    if scan:
        from patcher.commands import scan as scanning

        predicted = scanning.predict(session.workspace(), names, target=target, tell=session.tell)
        result["hazards"] = predicted["hazards"]
    if check:
        series.require_fit(result)
    session.emit(result)
    if not session.json:
        text.print_plan(result, show_diff=show_diff, color=session.color)
    return int(Exit.OK)


@command(
    "apply",
    short_help="Apply patches to the working copy, all or nothing.",
    examples="""
    patcher apply inference_mode
    patcher apply @exact --verify         keep it only when it passes
    """,
)
@click.argument("names", nargs=-1, metavar="NAME...|@SET", required=True)
@click.option("--verify", "then_verify", is_flag=True, help="Run `patcher verify` afterwards.")
@click.option("--scan", is_flag=True, help="Predict first what the patches will break.")
@dry_run_option
@target_option
@click.pass_context
def apply_command(
    context: click.Context,
    session: Session,
    names: tuple[str, ...],
    then_verify: bool,
    scan: bool,
    dry_run: bool,
    target: str | None,
) -> int:
    """Plan, back up, write and commit; all or nothing. What is applied already stays as it is."""
    from patcher.commands import series
    from patcher.report import text

    workspace = session.workspace()
    if scan:
        from patcher.commands import scan as scanning

        predicted = scanning.predict(workspace, names, target=target, tell=session.tell)
        for hazard in predicted["hazards"]:
            session.tell(text.hazard_line(hazard), fg="yellow")
    result = series.apply(workspace, names, target=target, dry_run=dry_run, tell=session.tell)
    if scan:
        result["hazards"] = predicted["hazards"]
    if not session.json:
        text.print_change(result, "applied", color=session.color, quiet=session.verbosity < 0)
    if then_verify and not dry_run:
        from patcher.cli import judge

        # Parsed as on a command line of its own: settings and environment give its defaults.
        asked = judge.verify_command.make_context("verify", [], parent=context.find_root())
        wanted, exports = judge.wanted_from({**asked.params, "target": target})
        return judge.verify_and_print(session, wanted, exports, before=result)
    session.emit(result)
    return int(Exit.OK)


@command("status", short_help="Show the applied patches, drift, interrupted work.")
@target_option
def status_command(session: Session, target: str | None) -> None:
    """Show the series, files somebody else edited (drift), and work a crash left unfinished."""
    from patcher.commands import status

    result = status.status(session.workspace(), target)
    session.emit(result)
    for line in status.lines(result):
        session.say(line)


@command("diff", short_help="Show patched against pristine.")
@target_option
def diff_command(session: Session, target: str | None) -> None:
    """Print the unified diff of the applied series; `git apply` accepts it."""
    from patcher.commands import series

    result = series.diff(session.workspace(), target)
    session.emit(result)
    if not session.json:
        click.echo(result["diff"], nl=False)


@command(
    "revert",
    short_help="Take patches out again, in any order.",
    examples="""
    patcher revert inference_mode     the others stay
    patcher revert --all              pristine, byte for byte
    """,
)
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "everything", is_flag=True, help="Back to pristine, byte for byte.")
@dry_run_option
@target_option
def revert_command(
    session: Session, names: tuple[str, ...], everything: bool, dry_run: bool, target: str | None
) -> None:
    """Take patches out of the series, in any order; the rest is replayed on pristine."""
    if everything == bool(names):
        raise click.UsageError("name patches to revert, or --all (one of the two)")
    from patcher.commands import revert

    workspace = session.workspace()
    if everything:
        result = revert.revert_all(workspace, target, dry_run=dry_run)
    else:
        result = revert.revert(workspace, names, target, dry_run=dry_run)
    session.emit(result)
    if not session.json:
        reverted = ", ".join(result["reverted"]) or "nothing: the series was empty"
        session.say(f"{'would revert' if dry_run else 'reverted'}: {reverted}")
        for file in result["files"]:
            session.say(f"  {file['path']}")
