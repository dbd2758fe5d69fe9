"""docs/any-package: from an empty folder to a judged patch of real packages, as their pages say."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from docs.render_reference import llms
from tests.docs.transcript import follow, steps, typed_lines

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "any-package"
PAGES = ("rich", "requests", "sympy", "diffusers", "transformers")
MOST_LINES = 10
IN_THE_DEFAULT_RUN = ("rich",)
PROGRAMS = FOLDER.parent / "programs.md"


def page(name: str) -> str:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    return (FOLDER / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_ten_typed_lines_lead_from_an_empty_folder_to_a_judged_patch(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text("utf-8")
    first = text.split("\n## ")[1]
    assert first.startswith("From an empty folder")
    assert "Passed: 1 of 1 case passes" in first
    assert 4 < typed_lines(list(steps(first))) <= MOST_LINES


@pytest.mark.slow  # and its verdicts of the clock are for a quiet machine
@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints_what_it_shows(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert follow(list(steps(page(name))), folder) > 5


@pytest.mark.parametrize("name", IN_THE_DEFAULT_RUN)
def test_the_first_section_of_a_page_prints_what_it_shows(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert follow(list(steps(page(name).split("\n## ")[1])), folder) == 4


@pytest.mark.slow
def test_the_loop_for_a_coding_agent_prints_what_it_shows(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    text = PROGRAMS.read_text("utf-8")
    (loop,) = (each for each in text.split("\n## ") if each.startswith("A loop for"))
    assert follow(list(steps(loop)), folder) == 8
    assert loop.strip().splitlines()[0] in llms()


def test_what_those_who_change_the_repository_are_told_exists() -> None:
    root = FOLDER.parents[1]
    text = (root / "AGENTS.md").read_text("utf-8")
    for path in re.findall(r"`((?:docs|patcher|tests)/[\w/.]+|[A-Z]+\.md)`", text):
        made = path == "docs/llms.txt"
        assert made or (root / path).exists(), path
    targets = re.findall(r"^(\w+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
    for words in re.findall(r"`make ([\w ]+)`", text):
        assert set(words.split()) <= set(targets), words
    for module in re.findall(r"`python -m ([\w.]+)`", text):
        assert find_spec(module) is not None
