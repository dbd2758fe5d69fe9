"""What patcher says of any package has no word of one target in it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from patcher.cli import COMMANDS, cli
from patcher.errors import MEANS, TABLE
from tests.cli.test_any_package import BENCH, patcher, workspace
from tests.conftest import Patcher

__all__ = ["patcher", "workspace"]  # fixtures

ONE_TARGET = re.compile(
    r"chatterbox|\bT3\b|\bmel\b|audio|\bRTF\b|\bgenerations?\b|voice|speech|vocoder", re.IGNORECASE
)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_names_no_model(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=name))
    text = text.replace("else chatterbox-tts", "")  # of `init`, where it is a fact
    assert not ONE_TARGET.findall(text), text


def test_errors_name_no_model() -> None:
    for code, row in TABLE.items():
        assert not ONE_TARGET.findall(f"{row.title} {row.help} {MEANS[code]}"), code


def test_a_workspace_of_a_package_is_shown_nothing_of_another(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "bench.py").write_text(BENCH)
    assert patcher("new", "--workload").status == 0
    for words in (
        ("list",), ("check",), ("plan", "use_sum"), ("verify", "off_by_one"), ("status",),
        ("scan", "use_sum"), ("new", "--workload"), ("apply", "nothing"),
    ):  # fmt: skip
        ran = patcher(*words, COLUMNS="80")
        output = f"{ran.stdout}\n{ran.stderr}"
        assert not ONE_TARGET.findall(output), f"{words}\n{output}"


def test_what_is_for_other_targets_is_counted_and_shown_on_request(patcher: Patcher) -> None:
    assert re.search(r"\d+ for other packages; `patcher list --all`", patcher("list").stdout)
    assert "inference_mode" in patcher("list", "--all").stdout
    own = patcher("check", "--json").json
    assert set(own["checked"]) == {"use_sum", "off_by_one"}
    assert own["elsewhere"] > 10
    assert re.search(r"\d+ specs for other targets not checked", patcher("check").stdout)
