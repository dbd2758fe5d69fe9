"""The command line of `patcher init`."""

from __future__ import annotations

import click

from patcher.cli.common import Session, command


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
    from patcher.commands import init

    result = init.init(session.workspace(), source, in_place=in_place, tell=session.tell)
    session.emit(result)
    session.say(f"{result['target']} {result['version']} from {result['origin']}")
    session.say(f"working copy: {result['root']}")
