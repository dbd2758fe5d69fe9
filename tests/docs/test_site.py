"""The documentation: it builds, it speaks of what exists, and its commands do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from docs.render_reference import commands, configuration, errors, llms
from patcher.cli import COMMANDS, cli
from patcher.errors import TABLE
from patcher.settings import SCAN, TOP, VERIFY
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


@pytest.mark.skipif(find_spec("sphinx") is None, reason="sphinx is not installed")
@pytest.mark.skipif(find_spec("furo") is None, reason="furo is not installed")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html",
         str(REPOSITORY / "docs"), str(tmp_path / "site")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "llms.txt").is_file()
    assert (tmp_path / "site" / "reference" / "commands.html").is_file()


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
