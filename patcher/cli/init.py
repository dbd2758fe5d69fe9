"""The command line of `patcher init`."""

from __future__ import annotations

import click

from patcher.cli.common import CliSession, command


@command(
    "init",
    short_help="Make the working copy of a package.",
    examples="""
    patcher init rich                     the installed rich
    patcher init rich==14.0.0             from the registry, fetched with pip, not imported
    patcher init rich@latest              the newest release there
    patcher init ./dist/pkg-1.0-py3-none-any.whl
    patcher init ../my-fork --in-place    patch a git checkout of yours where it stands
    patcher init transformers tokenizers  two distributions in one tree, patched together
    """,
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--in-place", is_flag=True, help="Patch the git checkout SOURCE itself.")
def init_command(session: CliSession, sources: tuple[str, ...], in_place: bool) -> None:
    """Make the git-tracked working copy that patches are applied to.

    SOURCE is an installed distribution (default: `target` of the settings, or else
    chatterbox-tts), NAME==VERSION or NAME@latest from the registry, a wheel or sdist, a folder, a
    git checkout or a git URL. Several of them stand in one tree, and are patched together: one
    series, one verdict.
    """
    from patcher.commands import init
    from patcher.patchfile.versions import with_version

    result = init.init(session.workspace(), sources, in_place=in_place, notify=session.tell)
    session.emit(result)
    session.note_without_git()
    session.say(f"{with_version(result.target, result.version)} from {result.origin}")
    session.say(f"working copy: {result.root}")
    offer_workload(session)


def offer_workload(session: CliSession) -> None:
    """In a terminal, offer to write what `verify` will run where nothing says it yet."""
    import sys

    if session.json or session.verbosity < 0 or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    from patcher.commands.new_workload import can_run, new_workload

    workspace = session.workspace()
    targets = workspace.targets()
    copy = workspace.working_copy(targets[-1]) if len(targets) == 1 else None
    if copy is None or can_run(workspace, copy):
        return
    question = f"Nothing says yet what of {copy.target} to run and compare. Write bench.py for it?"
    if click.confirm(question, default=True):
        from patcher.cli.new import report

        report(session, new_workload(workspace, None, copy.target))
    else:
        session.tell("`patcher new --workload` writes it later")
