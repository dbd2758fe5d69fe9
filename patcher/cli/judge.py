"""The command line of `patcher judge`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from patcher.cli.common import CliSession, command, target_option
from patcher.cli.verify import Duration

if TYPE_CHECKING:
    from patcher.results import JudgedCandidate


@command(
    "judge",
    short_help="Judge many candidates beside pristine; apply none.",
    examples="""
    patcher judge @exact t3_bf16          patches and sets of the catalogue
    patcher judge tries/*.diff            unified diffs, as `git diff` writes them
    patcher judge --combine HEAD~1 faster-branch ../checkout specs/one.yaml
    """,
)
@click.argument("candidates", nargs=-1, metavar="CANDIDATE...", required=True)
@click.option("--claim", type=click.Choice(["bitwise", "close", "perceptual"]), default="bitwise",
              show_default=True, help="The gate of diffs, refs and folders.")  # fmt: skip
@click.option("--no-speed", "speed", is_flag=True, flag_value=False, default=True,
              help="Gates only.")  # fmt: skip
@click.option("--combine", is_flag=True, help="Put together what was kept, while that is faster.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", default=1, show_default=True,
              help="Candidates whose gates run at once; clocks run one at a time.")  # fmt: skip
@click.option("--again", is_flag=True, help="Repeat what is on record from an earlier run.")
@click.option("--jsonl", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Append a JSON line each time more is known of a candidate.")  # fmt: skip
@click.option("--models", metavar="NAME,...|all", help="Only these models of the matrix.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto",
              show_default=True, help="Where to run; auto is the best there is.")  # fmt: skip
@click.option("--scale", type=click.Choice(["tiny", "full"]), default="tiny", show_default=True,
              help="Size of the synthetic weights.")  # fmt: skip
@click.option("--timeout", type=Duration(), help="For one case. [default: 10 x baseline, >= 30 s]")
@click.option("--budget", type=Duration(), help="For the timing of one candidate.")
@click.option("--no-sandbox", "sandbox", is_flag=True, flag_value=False, default=True,
              help="Run workers unguarded.")  # fmt: skip
@click.option("--executor", metavar="NAME", help="Where workers run. [default: local]")
@target_option
def judge_command(
    session: CliSession,
    candidates: tuple[str, ...],
    claim: str,
    speed: bool,
    combine: bool,
    jobs: int,
    again: bool,
    jsonl: Path | None,
    **parsed: Any,
) -> int:
    """Run each candidate beside pristine, in a tree of its own, and say which are faster.

    A candidate is a patch or @SET of the catalogue, a spec file, a unified diff, a git ref of the
    checkout the target came from, or a folder. The working copy is not touched. What a quick look
    calls faster is measured again from nothing, the stricter the more were measured before it: in
    95 of 100 runs chance keeps nothing, however many candidates there are. A run that was cut short
    goes on where it was.
    """
    from patcher.commands import judge
    from patcher.patchfile.model import Equivalence
    from patcher.report.judged import line, print_judged
    from patcher.results import as_json
    from patcher.verify.options import VerifyOptions

    options = judge.JudgeOptions(
        VerifyOptions(**parsed), Equivalence(claim), speed, combine, jobs, again
    )

    def report(result: JudgedCandidate) -> None:
        session.tell(line(result))
        if jsonl is not None:
            with jsonl.open("a", encoding="utf-8") as file:
                file.write(json.dumps(as_json(result)) + "\n")

    result = judge.judge(session.workspace(), candidates, options, report=report, say=session.tell)
    session.emit(result)
    if not session.json:
        print_judged(result, color=session.color)
    return 0
