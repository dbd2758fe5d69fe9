"""The command line: parse, call, print. What a command does lives in `patcher.commands`.

Commands are imported when they are called, so that ``patcher --help`` and ``patcher status`` start
in milliseconds.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from patcher import __version__
from patcher.cli.common import CliSession, common_options, run

if TYPE_CHECKING:
    from typing_extensions import Buffer

# name of the command and of its module -> a line of help; in the order of a first afternoon
COMMANDS: dict[str, str] = {
    "init": "Make the working copy of a package.",
    "list": "Show the catalogue and each patch's state.",
    "show": "Show one patch: claim, hazards, diff.",
    "plan": "Say what a patch would change; write nothing.",
    "apply": "Apply patches to the working copy, all or nothing.",
    "status": "Show the applied patches, drift, interrupted work.",
    "diff": "Show patched against pristine.",
    "verify": "Run patched beside pristine, judge, restore on failure.",
    "judge": "Judge many candidates beside pristine; apply none.",
    "tune": "Find the fastest set of the patches that fit.",
    "revert": "Take patches out again, in any order.",
    "discard": "Take hand edits out of the working copy, kept as a backup.",
    "scan": "Predict what a patch will break.",
    "run": "Run a command against the patched tree.",
    "history": "Show past verifications, and one of them again.",
    "compare": "Set two past verifications side by side.",
    "receipt": "Check receipts of verifications, or join them.",
    "explain": "Explain an error code.",
    "check": "Lint specs and run the fixtures in them.",
    "new": "Write a patch, a workload or an adapter.",
    "capture": "Turn hand edits into a spec.",
    "export": "Hand the patched tree on: diff, git patches, wheel.",
    "recover": "Finish an interrupted command.",
    "doctor": "Explain the environment and the workspace.",
    "mcp": "Serve the same over the Model Context Protocol.",
    "gc": "Prune backups and caches nobody needs.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to print its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"patcher.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from patcher.errors import PatcherError, nearest

            raise PatcherError(
                "usage", f"there is no command {name!r}", hint=nearest(name, COMMANDS)
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={
        "auto_envvar_prefix": "PATCHER",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog="Exit status: 0 done, 1 verification failed (restored unless --keep) or a check found "
    "problems, 2 wrong use, 3 refused, "
    "4 needs a person, 5 locked, 6 cannot judge, 130 interrupted.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@common_options
@click.pass_context
def cli(context: click.Context, /, **_: Any) -> None:
    """Try source-level optimisations on a Python package; keep only what is proven to help.

    \b
    A first afternoon, in an empty folder:
      patcher init PACKAGE              a working copy; the installed package is not touched
      patcher new --workload            what to run of it: fill in bench.py
      patcher new NAME --at FILE --match CODE --with CODE
      patcher verify NAME --bench       run it beside pristine, judge, take it out again
      patcher apply NAME                keep it; `patcher revert --all` is pristine again
    """
    from patcher.settings import load_settings

    session: CliSession = context.obj
    context.default_map = load_settings(session.directory)


class _Outlet(io.FileIO):
    """Standard output that goes nowhere once its reader has gone away.

    The command then ends as it would have: what it does to the tree, and its exit status, must
    not depend on whether somebody reads to the end (`patcher list | head -1`).
    """

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def main() -> None:
    """Entry point of the console script."""
    with suppress(OSError, ValueError):  # no standard output, or none with a file descriptor
        old = sys.stdout
        raw = io.BufferedWriter(_Outlet(old.fileno(), "wb", closefd=False))
        sys.stdout = io.TextIOWrapper(
            raw, encoding=old.encoding, errors=old.errors, line_buffering=old.isatty()
        )
    status = run(cli, sys.argv[1:])
    sys.stdout.flush()
    sys.exit(status)
