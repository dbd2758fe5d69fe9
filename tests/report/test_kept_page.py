"""The page of a real verification of a target that returns sound, kept and exported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Ran, runner

REPOSITORY = Path(__file__).resolve().parents[2]
LOUDER = """\
patch: louder
summary: a level of 0.21 instead of 0.2
target: hum
equivalence: bitwise
edits:
  - file: hum/voice.py
    within: Hum.waveform
    match: 0.2 * math.exp($LEVELS)
    with: 0.21 * math.exp($LEVELS)
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace for `hum` with an adapter in a file of its own."""
    folder = tmp_path_factory.mktemp("hum")
    (folder / "patches").mkdir()
    (folder / "patches" / "louder.yaml").write_text(LOUDER, "utf-8")
    adapter = (REPOSITORY / "tests" / "smalltarget" / "adapter.py").read_text("utf-8")
    adapter = adapter.replace("tests.smalltarget.adapter:open_session", "hum_adapter:open_session")
    (folder / "hum_adapter.py").write_text(adapter, "utf-8")
    settings = 'target = "hum"\n[verify]\nadapter = "hum_adapter.py:adapter"\n'
    (folder / "patcher.toml").write_text(settings, "utf-8")
    made = runner(folder)("init", str(REPOSITORY / "tests" / "smalltarget" / "tree"))
    assert made.status == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def ran(workspace: Path) -> Ran:
    return runner(workspace)("verify", "louder", "--export-html", str(workspace / "page.html"))


@pytest.fixture(scope="module")
def page(workspace: Path, ran: Ran) -> str:
    return (workspace / "page.html").read_text("utf-8")


def test_both_arms_can_be_heard_and_their_difference_seen(ran: Ran, page: str) -> None:
    assert ran.status == 1, ran.stderr
    assert page.count("<audio") == 2 * 4
    assert page.count("difference of the two mel spectrograms") == 4
    largest = [float(actual) for actual in re.findall(r"at most ([\d.]+) dB", page)]
    assert len(largest) == 4
    # 0.21 over 0.2 is 0.42 dB; what stands far below a picture's floor adds nothing.
    assert all(0.4 <= actual <= 0.5 for actual in largest)


def test_the_first_stage_that_differs_is_named(page: str) -> None:
    assert page.count("first differs: waveform") + page.count("first differs: samples") == 4
    assert "speech_tokens: equal to the bit" in page
    assert "waveform: differs" in page


def test_the_page_is_kept_under_its_number(workspace: Path, ran: Ran, page: str) -> None:
    kept = workspace / ".patcher" / "_reports" / "1" / "report.html"
    assert kept.read_text("utf-8") == page


def test_the_edit_is_in_the_page_though_the_tree_is_pristine_again(
    workspace: Path, ran: Ran, page: str
) -> None:
    assert "0.21 * math.exp" in page
    assert runner(workspace)("status", "--json").json["series"] == []
