"""What every command shares: the common options, the printing of results, the ending in an error.

Results go to stdout, progress and errors to stderr. With ``--json`` stdout carries exactly one
object, on success and on failure alike.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from patcher.errors import TABLE, Exit, PatcherError
from patcher.report.wrapping import fitted

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace

SCHEMA = 1
F = TypeVar("F", bound=Callable[..., Any])


def _color() -> bool | None:
    """False for plain output; None lets the terminal decide.

    Plain are ``NO_COLOR`` (https://no-color.org) and a terminal that takes no commands, which
    would show them as signs.
    """
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return False if dumb or os.environ.get("NO_COLOR") else None


@dataclass
class CliSession:
    """The options every command understands, gathered wherever they stood on the command line."""

    directory: Path = Path()
    json: bool = False
    verbosity: int = 0
    color: bool | None = field(default_factory=_color)

    def workspace(self) -> Workspace:
        """The workspace that ``-C`` names (the current folder by default)."""
        from patcher.store.workspace import Workspace

        if not self.directory.is_dir():
            raise PatcherError(
                "usage", f"-C {self.directory}: no such folder", hint="create it, or name another"
            )
        workspace = Workspace(self.directory.resolve())
        dead = workspace.dead_run()
        if dead is not None:
            since = f" (pid {dead.pid}, since {dead.since})"
            self.tell(
                f"note: an earlier `patcher {dead.command}`{since} was cut short", fg="yellow"
            )
        return workspace

    def say(self, text: str = "", *, hang: int = 2, **style: Any) -> None:
        """Print one line of a result, unless JSON was asked for or ``-q`` given.

        Args:
            hang: columns by which what goes on is indented where a terminal is too narrow.
        """
        if not self.json and self.verbosity >= 0:
            click.secho(fitted(text, sys.stdout, hang), color=self.color, **style)

    def tell(self, text: str, **style: Any) -> None:
        """Print one line of progress on stderr, unless ``-q`` was given."""
        if self.verbosity >= 0:
            click.secho(fitted(text, sys.stderr), err=True, color=self.color, **style)

    def note_without_git(self) -> None:
        """Say after a change that nothing records it, where there is no git."""
        import shutil

        if shutil.which("git") is None:
            self.tell(
                "note: no git in PATH: the change is made and backed up, but has no commit",
                fg="yellow",
            )

    def emit(self, result: object) -> None:
        """Print the JSON object of a command that succeeded, when JSON was asked for."""
        if self.json:
            from patcher.results import as_json

            click.echo(json.dumps({"schema": SCHEMA, "ok": True, **as_json(result)}, indent=2))


def fail(session: CliSession, error: PatcherError) -> int:
    """Print an error as text and, when asked for, as JSON; return the exit status."""
    if session.json:
        body = {"schema": SCHEMA, "ok": False, "error": error.as_json(), **error.payload}
        click.echo(json.dumps(body, indent=2))
    row = TABLE[error.code]
    head = f"error[{error.code}]: "
    message = fitted(f"{head}{error.message}", sys.stderr)[len(head) :]
    click.secho(head, nl=False, err=True, fg="red", color=session.color)
    click.secho(message, err=True, bold=True, color=session.color)
    if error.where:
        click.echo(f"  --> {error.where}", err=True)
    for note in error.notes:
        for line in note.splitlines():
            # Sentences are wrapped; a place and its code stay beside each other.
            told = line.lstrip().startswith(("error[", "help: "))
            click.echo(fitted(f"  {line}", sys.stderr) if told else f"  {line}", err=True)
    click.echo(fitted(f"  help: {error.hint or row.help}", sys.stderr), err=True)
    return int(error.exit)


def common_options(command: F) -> F:
    """Let a command take the common options, so that they may stand anywhere."""

    def gather(context: click.Context, option: click.Parameter, value: Any) -> None:
        session = context.ensure_object(CliSession)
        source = context.get_parameter_source(option.name or "")
        if value is None or source is click.core.ParameterSource.DEFAULT:
            return
        if option.name == "directory":
            session.directory = Path(value)
        elif option.name == "json":
            session.json = True
        elif option.name == "verbose":
            session.verbosity += value
        elif option.name == "quiet":
            session.verbosity = -1
        elif option.name == "no_color":
            session.color = False

    def option(*names: str, **settings: Any) -> Callable[[F], F]:
        return click.option(*names, expose_value=False, callback=gather, is_eager=True, **settings)

    for wrap in (
        option("--no-color", is_flag=True, help="Plain output, nothing redrawn (as NO_COLOR)."),
        option("-q", "--quiet", is_flag=True, help="Print errors only."),
        option("-v", "--verbose", count=True, help="Say more; tracebacks of defects."),
        option("--json", is_flag=True, help="One JSON object on stdout, also for failures."),
        option(
            "-C",
            "directory",
            metavar="DIR",
            envvar="PATCHER_DIR",
            help="The workspace: where patches/, backups/ and .patcher/ are. [default: .]",
        ),
    ):
        command = wrap(command)
    return command


class Command(click.Command):
    """A command whose help keeps examples as they were written."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.epilog:
            formatter.write_paragraph()
            formatter.write("Examples:\n" + "".join(f"  {line}\n" for line in _lines(self.epilog)))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def command(name: str, *, examples: str = "", **settings: Any) -> Callable[[F], Command]:
    """Declare a command: common options, examples in its help, the session as first argument."""

    def declare(function: F) -> Command:
        wrapped = click.pass_obj(common_options(function))
        made: Command = click.command(name, cls=Command, epilog=examples, **settings)(wrapped)
        return made

    return declare


def _joined(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> str | None:
    """Several distributions as one text, ``A,B``; None without the option."""
    return ",".join(value) or None


target_option = click.option(
    "--target",
    metavar="DISTRIBUTION",
    multiple=True,
    callback=_joined,
    help="Which working copy; given twice, both distributions in one series.",
)
sarif_option = click.option(
    "--sarif",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write what was found as SARIF 2.1.0.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done; write nothing."
)


def run(group: click.Group, arguments: list[str]) -> int:
    """Run the command line; every way to end is an exit status of the table."""
    session = CliSession()
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    # A command line that cannot be parsed still has to answer in JSON when asked to.
    session.json = "--json" in own
    try:
        status = group.main(arguments, prog_name="patcher", standalone_mode=False, obj=session)
    except PatcherError as error:
        return fail(session, error)
    except click.exceptions.NoArgsIsHelpError as error:
        if session.json:
            return fail(session, PatcherError("usage", "Missing command."))
        click.echo(error.format_message(), err=True)
        return int(Exit.USAGE)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "patcher"
        hint = f"see `{path} --help`"
        message = error.format_message().replace("a valid integer range", "a whole number")
        return fail(session, PatcherError("usage", message, hint=hint))
    except click.ClickException as error:
        return fail(session, PatcherError("usage", error.format_message()))
    except (click.Abort, KeyboardInterrupt):
        return fail(session, PatcherError("interrupted", "interrupted"))
    except OSError as error:
        where = str(error.filename) if error.filename else None
        message = error.strerror or str(error)
        return fail(session, PatcherError("io", message, where=where))
    except Exception as error:
        if session.verbosity > 0:
            raise
        message = f"{type(error).__name__}: {error}"
        return fail(session, PatcherError("internal", message, hint="repeat with -v and report it"))
    return int(status or 0)
