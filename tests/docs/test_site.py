"""The documentation: it builds, it speaks of what exists, and its commands do what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from docs.render_reference import (
    adapters,
    commands,
    configuration,
    errors,
    json_objects,
    llms,
)
from patcher.cli import COMMANDS, cli
from patcher.errors import TABLE, Exit, PatcherError
from patcher.results.schema import schema
from patcher.settings import SCAN, TOP, VERIFY
from patcher.targets import SHIPPED
from tests.docs.transcript import follow, steps

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    if "templates" not in path.parts
)
CALL = re.compile(r"(?<![\w./-])patcher ((?:[a-z]+)\b[^`\n|]*)")
FENCE = re.compile(r"^ *```(\S*)[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SHELL = {"", "sh", "console", "text"}


def called(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands a page calls, each with the long options it gives them.

    "patcher does ..." in a sentence is no command line: it is one in code alone.
    """
    text = page.read_text("utf-8")
    lines = [
        line.split(" #")[0]
        for language, block in FENCE.findall(text)
        if language in SHELL
        for line in block.splitlines()
    ]
    inline = re.findall(r"`(patcher [^`\n]+)`", FENCE.sub("", text))
    for line in [*lines, *inline]:
        for match in CALL.finditer(line.removeprefix("$ ")):
            words = match[1].split(" -- ")[0].split()
            yield words[0], [word.split("=")[0] for word in words if word.startswith("--")]


def known_options(name: str) -> set[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    params = [*command.params, *cli.params]
    return {name for param in params for name in param.opts} | {"--help", "--version"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_a_page_speaks_only_of_commands_and_options_that_exist(page: Path) -> None:
    example = page.name == "add-a-command.md"  # it makes one up
    for name, options in () if example else called(page):
        assert name in COMMANDS, f"`patcher {name}` does not exist"
        for option in options:
            assert option in known_options(name), f"`patcher {name} {option}` does not exist"


def command_lines(page: Path) -> Iterator[str]:
    """What a page would have its reader type, whole: in blocks of shell, and in code."""
    text = page.read_text("utf-8")
    for language, block in FENCE.findall(text):
        prompts = "\n$ " in f"\n{block}"
        for line in block.replace("\\\n", " ").splitlines() if language in SHELL else ():
            if line.startswith("$ ") or (not prompts and line.startswith("patcher ")):
                yield line.removeprefix("$ ").split("  #")[0]
    yield from re.findall(r"`(patcher [^`\n]+)`", FENCE.sub("", text))


def words_of(line: str) -> list[str]:
    """The words after ``patcher``; empty where the line is a form (``[NAME...]``) or another's."""
    line = re.split(r" {2,}| (?:&&|\|\||[|>;]) ?", line)[0]  # two spaces: what it does follows
    if not line.startswith("patcher ") or re.search(r"[\[\]…<]|\.\.\.$|\.\.\. ", line):
        return []
    return shlex.split(line)[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_a_command_line_of_a_page_would_be_understood(page: Path) -> None:
    """Options, their values, and how many arguments there are; nothing is run."""
    if page.name == "add-a-command.md":  # it makes one up
        return
    for line in command_lines(page):
        words = words_of(line)
        if len(words) < 2 or words[0] == "COMMAND":
            continue  # the name of a command, in a sentence
        assert misunderstood(words) == "", line


def misunderstood(words: list[str]) -> str:
    """Why a command line would be refused before anything is done; empty when it would not."""
    stands_for = {"RUN": "1", "ID": "1", "SECONDS": "9"}
    try:
        parsed([stands_for.get(word, word) for word in words])
    except click.exceptions.Exit:  # help, or the version
        return ""
    except click.UsageError as error:
        text = error.format_message()
        return "" if "does not exist" in text else text  # a file of the reader's
    except PatcherError as error:
        return error.message
    return ""


def test_a_wrong_command_line_is_noticed() -> None:
    assert "No such option" in misunderstood(["verify", "--no-such"])
    assert "is not one of" in misunderstood(["verify", "--require", "quick"])
    assert misunderstood(["compare", "1"])
    assert misunderstood(["receipt", "chek", "x"])
    assert misunderstood(["verify", "--bench", "--require", "faster"]) == ""
    assert sum(bool(words_of(line)) for page in PAGES for line in command_lines(page)) > 100


def parsed(words: list[str]) -> None:
    """Parse a command line as click would, groups and their commands included."""
    command: click.Command = cli
    context = click.Context(cli, info_name="patcher")
    while True:
        context = command.make_context(command.name, words, parent=context)
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        name, actual, words = command.resolve_command(context, rest)
        assert actual is not None, name
        command = actual


def test_every_error_that_a_page_names_has_a_row() -> None:
    for page in PAGES:
        for code in re.findall(r"error\[([\w-]+)\]", page.read_text("utf-8")):
            assert code in TABLE, f"{page.name}: error[{code}]"


def test_the_readme_has_a_row_for_every_exit_status_and_no_other() -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    table = text.partition("| exit | meaning |")[2].partition("\n\n")[0]
    assert [int(each) for each in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == [
        int(code) for code in Exit
    ]
    for code in Exit:
        assert f"\n| {int(code)} | " in errors()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_a_page_names_only_exit_statuses_that_exist(page: Path) -> None:
    actual = re.findall(r"\bexit(?:s with|s| status| code)? `?(\d+)\b", page.read_text("utf-8"))
    assert {int(each) for each in actual} <= {int(code) for code in Exit}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_a_page_shows_only_settings_that_exist(page: Path) -> None:
    tables = {"verify": VERIFY, "scan": SCAN}
    for block in re.findall(r"```toml\n(.*?)```|```\{code-block\} toml\n(.*?)```",
                            page.read_text("utf-8"), re.DOTALL):  # fmt: skip
        table = ""
        for line in "".join(block).splitlines():
            if heading := re.match(r"\[+(?:tool\.patcher\.?)?([\w.-]*)\]+", line):
                table = heading[1]
                if not line.startswith(("[tool.patcher", "[[tool.patcher", "[verify", "[scan")):
                    table = "other"
                continue
            key = re.match(r"([\w-]+) *=", line)
            if key and table in tables:
                assert key[1] in tables[table], f"[{table}] has no key {key[1]}"
            elif key and table == "" and "[tool." in "".join(block):
                assert key[1] in TOP


def test_the_reference_holds_every_command_error_and_setting() -> None:
    text = commands()
    for name in COMMANDS:
        assert f"\n## {name}\n" in text
        assert f"`patcher {name}`" in llms()
    for code in TABLE:
        assert f"\n### {code}\n" in errors()
    for key in (*TOP, *VERIFY, *SCAN):
        assert f"| `{key}` |" in configuration()


def test_the_reference_holds_every_json_object_with_its_keys_and_every_adapter() -> None:
    text = json_objects()
    for name, kind in schema()["$defs"].items():
        part = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert kind["properties"], name
        for key in kind["properties"]:
            assert f"| `{key}` |" in part, f"{name}: {key}"
    assert "| `cases[].baseline.outcome` |" in text
    for name in (*SHIPPED, "serving", "matrix", "assets", "prepare", "replay"):
        assert f"`{name}" in adapters()


@pytest.mark.skipif(find_spec("sphinx") is None, reason="sphinx is not installed")
@pytest.mark.skipif(find_spec("furo") is None, reason="furo is not installed")
@pytest.mark.slow  # `make docs` builds it
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html",
         str(REPOSITORY / "docs"), str(tmp_path / "site")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "llms.txt").is_file()
    for name in ("commands", "errors", "configuration", "json", "adapters"):
        assert (tmp_path / "site" / "reference" / f"{name}.html").is_file()
    for name in ("json", "receipt", "patch"):
        assert (tmp_path / "site" / f"{name}.schema.json").is_file()


def test_the_tutorial_on_a_package_of_your_own_does_what_it_says(tmp_path: Path) -> None:
    """Its files are written, its commands run in order, its output compared."""
    text = (REPOSITORY / "docs" / "tutorial" / "your-package.md").read_text("utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    assert follow(list(steps(text)), folder) > 8


@pytest.mark.slow  # a quarter of an hour: two verifications and a bench of the real package
@pytest.mark.chatterbox
@pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed")
def test_the_afternoon_of_the_tutorial_comes_out_as_it_says(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "tutorial" / "afternoon.md").read_text("utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    assert follow(list(steps(text)), folder) == 8
