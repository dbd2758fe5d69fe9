"""The command line of `patcher verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from patcher.cli.common import CliSession, command, target_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.results import ApplyResult, VerifyResult
    from patcher.store.workspace import Workspace
    from patcher.verify.options import VerifyOptions


EXPORTS = ("json", "markdown", "html")
FILE = click.Path(path_type=Path, dir_okay=False)


class BenchType(click.ParamType[str]):
    """``--bench``, ``--bench=quick``, ``--bench=full``."""

    name = "quick|full"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in ("quick", "full"):
            self.fail(f"{value!r} is not quick or full", param, ctx)
        return str(value)


class Duration(click.ParamType[float]):
    """``90``, ``90s``, ``15m``, ``2h``: seconds."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value).strip()
        unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:].lower())
        try:
            seconds = float(text[:-1]) * unit if unit else float(text)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < float("inf"):
            self.fail(f"{value!r} is not a time such as 90s, 15m or 2h", param, ctx)
        return seconds


@command(
    "verify",
    short_help="Run patched beside pristine, judge, restore on failure.",
    examples="""
    patcher verify                        gates only
    patcher verify inference_mode         apply it, judge it, take it out again
    patcher verify --bench                and the quick speed verdict
    patcher verify --bench=full --budget 2h --require faster
    patcher verify --pretrained --device cuda
    """,
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--bench", type=BenchType(), is_flag=False, flag_value="quick",
              help="Also judge speed; --bench alone is quick.")  # fmt: skip
@click.option(
    "--aa", is_flag=True, help="Baseline against baseline: the measurement is put to the test."
)
@click.option("--budget", type=Duration(), help="Start no timing pair that would end after this.")
@click.option("--models", metavar="NAME,...|all", help="Only these models of the matrix.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto",
              show_default=True, help="Where to run; auto is the best there is.")  # fmt: skip
@click.option("--scale", type=click.Choice(["tiny", "full"]), default="tiny", show_default=True,
              help="Size of the synthetic weights.")  # fmt: skip
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True, file_okay=False),
              metavar="DIR", help="Real weights from a folder.")  # fmt: skip
@click.option("--pretrained", is_flag=True, help="The published weights, through the target.")
@click.option("--timeout", type=Duration(), help="For one case. [default: 10 x baseline, >= 30 s]")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failing case.")
@click.option("--isolate", is_flag=True, help="On failure, find the culprit and keep the rest.")
@click.option("--keep", is_flag=True, help="Do not restore on failure.")
@click.option("--no-sandbox", "sandbox", is_flag=True, flag_value=False, default=True,
              help="Run workers unguarded; the verdict says so.")  # fmt: skip
@click.option("--require", type=click.Choice(["faster", "not-slower"]),
              help="Fail on any other speed verdict; implies --bench.")  # fmt: skip
@click.option(
    "--again", is_flag=True, help="Run again what failed before; do not answer from its record."
)
@click.option("--inputs", type=click.IntRange(min=0), metavar="N", default=2, show_default=True,
              help="Inputs to draw for each model, beyond the matrix.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), metavar="S",
              help="Draw the inputs of that run again; reports name it.")  # fmt: skip
@click.option("--life", type=click.IntRange(min=5), is_flag=False, flag_value=50, metavar="[N]",
              help="N calls in one process: memory and time must not grow. [50]")  # fmt: skip
@click.option("--allow-unexercised", is_flag=True, help="Let edits pass that never ran.")
@click.option("--executor", metavar="NAME", help="Where workers run. [default: local]")
@click.option("--receipt", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write all that the verdict depends on, to be checked elsewhere.")  # fmt: skip
@click.option("--export-json", type=FILE, metavar="FILE", help="Also write the result as JSON.")
@click.option(
    "--export-markdown",
    type=FILE,
    metavar="FILE",
    help="Also as Markdown, its pictures beside it as SVG.",
)
@click.option("--export-html", type=FILE, metavar="FILE",
              help="Also as a page that works from a file.")  # fmt: skip
@target_option
def verify_command(session: CliSession, target: str | None, **parsed: Any) -> int:
    """Run every case on pristine and on patched, hold the outputs against the gate the patches
    claim, and put every byte back when a case fails. Patches that are named are applied, judged
    together with those that are applied already, and taken out again.

    Without weights (--checkpoint, --pretrained) the target makes small synthetic ones itself.
    """
    options, exports = options_from({**parsed, "target": target})
    return verify_and_print(session, options, exports)


def options_from(parsed: Mapping[str, Any]) -> tuple[VerifyOptions, dict[str, Path | None]]:
    """The options of a verification, and the files to write, from a parsed command line."""
    from patcher.verify.options import VerifyOptions

    if parsed["checkpoint"] and parsed["pretrained"]:
        raise click.UsageError("--checkpoint or --pretrained, not both")
    exports = {kind: parsed[f"export_{kind}"] for kind in EXPORTS}
    rest = {key: value for key, value in parsed.items() if not key.startswith("export_")}
    return VerifyOptions(**rest), exports


def _followed(session: CliSession, workspace: Workspace, options: VerifyOptions) -> VerifyResult:
    """Verify while somebody looks on."""
    from patcher.commands import history, verify
    from patcher.report.live import Progress

    expected = history.expected_s(workspace, timed=options.plan is not None)
    with Progress(color=session.color, expected_s=expected) as progress:
        return verify.verify(workspace, options, progress)


def verify_and_print(
    session: CliSession,
    options: VerifyOptions,
    exports: Mapping[str, Path | None],
    before: ApplyResult | None = None,
) -> int:
    """Verify with progress on stderr and the result on stdout; ``before`` joins the JSON object."""
    from patcher.execution.sandbox import ask_early

    if options.sandbox:
        ask_early()  # before the imports, which take as long
    from patcher.commands import verify
    from patcher.commands.shared.export_run import export_run
    from patcher.results import as_json

    quiet = session.verbosity < 0
    workspace = session.workspace()
    if quiet:
        verified = verify.verify(workspace, options)
    else:
        verified = _followed(session, workspace, options)
    result, error = as_json(verified), verified.error
    for kind, path in exports.items():
        if path is not None:
            export_run(workspace, result, kind, path)
    result = {**(as_json(before) if before else {}), **result}
    if session.json or quiet:
        if error is not None:
            error.payload = result
            raise error
        session.emit(result)
        return 0
    from patcher.report.reading import read_record
    from patcher.report.verdict import print_verification

    # The result says it all, and says it once: no error follows.
    print_verification(read_record(result), color=session.color)
    return int(error.exit) if error is not None else 0
