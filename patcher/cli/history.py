"""The command line of `patcher history` and `patcher history show`."""

from __future__ import annotations

from pathlib import Path

import click

from patcher.cli.common import CliSession, command


@command(
    "history",
    short_help="Show past verifications, and one of them again.",
    examples="""
    patcher history
    patcher history show 3             what verification 3 said
    patcher history show 3 --open      and its page in the browser
    """,
)
@click.argument("words", nargs=-1, metavar="[show ID]")
@click.option("-n", "--last", type=click.IntRange(min=1), default=20, metavar="N",
              show_default=True, help="How many to list.")  # fmt: skip
@click.option("--open", "in_browser", is_flag=True, help="With show: open the page in a browser.")
def history_command(
    session: CliSession, words: tuple[str, ...], last: int, in_browser: bool
) -> None:
    """Show past verifications of this workspace, newest first, with the trend of their speed.

    `show ID` shows one again, as it was printed then.
    """
    if words:
        _show(session, words, in_browser)
        return
    if in_browser:
        raise click.UsageError("--open goes with `history show ID`")
    from patcher.commands import history
    from patcher.report.console import console, print_lines
    from patcher.report.runs import history_lines

    result = history.history(session.workspace(), last)
    session.emit(result)
    if not session.json:
        out = console(color=session.color)
        print_lines(out, history_lines(result, out.width))


def _show(session: CliSession, words: tuple[str, ...], in_browser: bool) -> None:
    if len(words) != 2 or words[0] != "show" or not words[1].isdecimal():
        raise click.UsageError(f"`history {' '.join(words)}`: it is `history show ID`")
    from patcher.commands import history

    number = int(words[1])
    result = history.show(session.workspace(), number)
    session.emit(result)
    if in_browser:
        click.launch(Path(result["page"]).as_uri())
    if not session.json:
        from patcher.report.reading import read_record
        from patcher.report.verdict import print_verification

        print_verification(read_record(result), color=session.color)
        session.say(f"  page        {result['page']}")
