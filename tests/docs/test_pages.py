"""Every command of a block of shell is run, in the order of its page; what is not says why."""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path

import pytest

from tests.docs.transcript import (
    BLOCK,
    REPOSITORY,
    Command,
    File,
    Step,
    follow,
    not_run,
    pages,
    steps,
)

DOCS = REPOSITORY / "docs"
HOW_TO = DOCS / "how-to"
TUTORIAL = DOCS / "tutorial" / "your-package.md"
INIT = Command("patcher init wordcount", None)
# In the folder of the tutorial, a package of ten lines.
ON_A_SMALL_PACKAGE = (
    "recover",
    "follow-an-upgrade",
    "write-a-patch",
    "roll-out",
    "judge-candidates",
    "ci",
)
ON_CHATTERBOX = ("README.md", "docs/guarding.md", "docs/scan.md")  # nothing is generated there
ELSEWHERE = {  # page: the test that follows it
    "docs/how-to/add-": "tests/contract/test_howto.py",
    "docs/tutorial/": "tests/docs/test_site.py",
    "docs/any-package/": "tests/docs/test_any_package.py",
    "docs/programs.md": "tests/docs/test_any_package.py",
}
MOST_NOT_RUN = 10


def tutorial() -> list[File]:
    """The files of the tutorial, the patches included."""
    return [step for step in steps(TUTORIAL.read_text("utf-8")) if isinstance(step, File)]


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def blocks_of(page: Path) -> int:
    return sum(bool(each["shell"]) for each in BLOCK.finditer(page.read_text("utf-8")))


def verifies(step: Step) -> bool:
    return isinstance(step, Command) and step.line.startswith("patcher verify")


@pytest.mark.slow  # a verification takes seconds, a bench or a judgement minutes
@pytest.mark.parametrize("name", ON_A_SMALL_PACKAGE)
def test_the_commands_of_a_page_end_as_it_says(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    page = (HOW_TO / f"{name}.md").read_text("utf-8")
    assert "(../tutorial/your-package.md)" in page  # it says where its commands work
    assert follow([*tutorial(), INIT, *steps(page)], folder) > 4


def test_the_commands_of_a_page_end_as_it_says_up_to_its_first_verification(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    page = (HOW_TO / "recover.md").read_text("utf-8")
    begins = takewhile(lambda step: not verifies(step), steps(page))
    assert follow([*tutorial(), INIT, *begins], folder) > 10


@pytest.mark.slow
@pytest.mark.chatterbox
@pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed")
@pytest.mark.parametrize("name", ON_CHATTERBOX)
def test_the_commands_of_a_page_on_chatterbox_end_as_it_says(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert follow(list(steps((REPOSITORY / name).read_text("utf-8"))), folder) > 3


def test_every_page_with_commands_is_followed_by_some_test() -> None:
    here = {f"docs/how-to/{name}.md" for name in ON_A_SMALL_PACKAGE} | set(ON_CHATTERBOX)
    for page in pages():
        text = page.read_text("utf-8")
        if blocks_of(page) > len(list(not_run(text))):
            name = name_of(page)
            assert name in here or name.startswith(tuple(ELSEWHERE)), name
    assert all((REPOSITORY / test).is_file() for test in ELSEWHERE.values())


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    """`python -m tests.docs.transcript` lists them."""
    reasons = [reason for page in pages() for reason, _ in not_run(page.read_text("utf-8"))]
    assert len(reasons) <= MOST_NOT_RUN, reasons
    for reason in reasons:
        assert len(reason.split()) > 2
        for test in re.findall(r"`(tests/[\w/.]+)`", reason):
            assert (REPOSITORY / test).is_file(), test


def test_no_command_hides_in_a_block_without_a_language() -> None:
    """Blocks of shell are marked as such, or no test would find them."""
    for page in pages():
        inside = ""
        for line in page.read_text("utf-8").splitlines():
            fence = re.match(r" *(```+|:::+)(.*)", line)
            if fence:
                inside = "" if inside else fence[2].strip() or "none"
            elif inside in ("none", "text", "bash", "shell"):
                assert not re.match(r"(\$ |patcher |python |pip )", line), f"{page.name}: {line}"


def test_a_command_that_ends_otherwise_than_its_page_says_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    page = "```sh\ntrue\nfalse   # exit 1: never\n```\n"
    assert follow(list(steps(page)), folder) == 2
    with pytest.raises(AssertionError, match="exit 0"):
        follow(list(steps(page.replace("false", "true "))), folder)
    with pytest.raises(AssertionError, match="exit 1"):
        follow(list(steps("```console\n$ false\n```\n")), folder)
    assert list(steps(f"<!-- not run: a reason of words -->\n{page}")) == []
