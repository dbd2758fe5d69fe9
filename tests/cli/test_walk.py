"""What a walk through the terminal found misleading or ugly, each held by a test."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from patcher.cli import COMMANDS, cli
from patcher.commands.shared.resuming import resumable
from patcher.commands.status import _copy_lines
from patcher.errors import PatcherError
from patcher.results.series import CopyStatus
from patcher.store.drift import Drift
from patcher.store.tree import drift_error
from tests.cli.test_misleading import on_a_terminal, patcher, workspace  # noqa: F401 - fixtures
from tests.conftest import Patcher

IMPORTS = """\
patch: imports
summary: total() may use math
target: adder
equivalence: bitwise
edits:
  - file: adder.py
    import: import math
"""


def test_a_plan_without_colour_has_none_and_no_blanks_at_its_ends(
    patcher: Patcher,  # noqa: F811
    workspace: Path,  # noqa: F811
) -> None:
    (workspace / "patches" / "imports.yaml").write_text(IMPORTS)
    for words in (["plan", "use_sum", "imports"], ["list"], ["status"]):
        lines = on_a_terminal(workspace, 80, *words)
        assert "\x1b" not in "".join(lines), words
    for line in patcher("plan", "imports").stdout.splitlines():
        assert line == line.rstrip()


@pytest.mark.parametrize(
    ("plain", "term"),
    [("--no-color", "xterm-256color"), ("NO_COLOR", "xterm-256color"), ("", "dumb")],
)
def test_plain_output_has_no_colour_and_no_bold_on_a_terminal_that_could(
    patcher: Patcher,  # noqa: F811
    workspace: Path,  # noqa: F811
    plain: str,
    term: str,
) -> None:
    for words in (["plan", "use_sum"], ["list"], ["apply", "nothing"], ["explain", "drift"]):
        lines = on_a_terminal(workspace, 80, *words, plain=plain, term=term)
        assert "\x1b" not in "".join(lines), words
    coloured = on_a_terminal(workspace, 80, "list", plain="", term="xterm-256color")
    assert "\x1b[" in "".join(coloured)


@pytest.mark.parametrize("columns", [60, 120])
def test_what_every_short_command_prints_fits_a_terminal(
    patcher: Patcher,  # noqa: F811
    workspace: Path,  # noqa: F811
    columns: int,
) -> None:
    for words in (["scan"], ["explain", "drift"], ["doctor"], ["verify", "--models", "no"]):
        for line in on_a_terminal(workspace, columns, *words):
            assert len(line) <= columns, line
    lines = on_a_terminal(workspace, 60, "doctor")
    guards = next(n for n, line in enumerate(lines) if line.startswith("ok       guards"))
    assert lines[guards + 1].startswith(" " * 18)  # below the words, not below the label


def test_a_misspelt_candidate_is_answered_with_the_nearest_patch(
    patcher: Patcher,  # noqa: F811
) -> None:
    ran = patcher("judge", "--no-speed", "use_sun", "--json")
    assert ran.status == 2
    assert "use_sum" in ran.json["error"]["hint"] + ran.json["error"]["message"]


def test_what_needs_git_says_so_where_there_is_none(
    patcher: Patcher,  # noqa: F811
    tmp_path: Path,
) -> None:
    assert patcher("apply", "use_sum").status == 0
    for words in (["export", "--format-patch", str(tmp_path)], ["init", "https://host/x.git"]):
        ran = patcher(*words, PATH=str(tmp_path))
        assert ran.status == 2
        assert "no git in PATH" in ran.stderr
        assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["receipt"], "Missing command"),
        (["run", "--", "no-such-program"], "there is no program 'no-such-program' to run"),
        (["verify", "--seed", "x"], "'x' is not a whole number"),
        (["receipt", "check", "nowhere.json"], "No such file or directory: nowhere.json"),
    ],
)
def test_wrong_use_is_answered_in_plain_words_and_in_json(
    patcher: Patcher,  # noqa: F811
    words: list[str],
    said: str,
) -> None:
    ran = patcher("--json", *words)
    assert ran.status == 2
    assert said in ran.json["error"]["message"]
    assert "Errno" not in ran.stderr


def test_a_series_that_was_verified_before_an_edit_is_not_called_verified() -> None:
    def status(*drift: Drift) -> str:
        made = CopyStatus("adder", "1.2", Path("/w"), ["use_sum"], drift, ["use_sum"])
        return "\n".join(_copy_lines(made))

    assert "verified: yes" in status()
    assert "verified: before the edits below" in status(Drift("adder.py", "edited"))


def test_one_file_is_and_two_files_are_edited() -> None:
    one, two = Drift("a.py", "edited"), Drift("b.py", "edited")
    assert "a.py is not what patcher wrote" in drift_error([one]).message
    assert "a.py and 1 more are not what patcher wrote" in drift_error([one, two]).message


def test_an_interrupted_command_says_that_it_goes_on() -> None:
    with pytest.raises(PatcherError) as raised, resumable(Path()):
        raise KeyboardInterrupt
    assert raised.value.code == "interrupted"
    assert raised.value.hint == "what is finished is kept: the same command goes on from there"


def every_command() -> list[tuple[str, click.Command]]:
    context = click.Context(cli)
    result = [(name, cli.get_command(context, name)) for name in COMMANDS]
    return [(name, command) for name, command in result if command is not None]


def test_a_command_is_summed_up_in_the_same_words_everywhere() -> None:
    for name, command in every_command():
        assert command.short_help == COMMANDS[name], name


def test_every_option_says_what_it_does_and_every_number_is_called_n() -> None:
    for name, command in every_command():
        for option in command.params:
            if isinstance(option, click.Option) and not option.count:  # -vv has no value
                assert option.help, f"{name} {option.opts}"
                kind = option.metavar or option.type.name
                assert "integer" not in kind, f"{name} {option.opts}"
