"""Two distributions in one series, judged by the adapter of one: models, stages, drawn calls."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Patcher, runner
from tests.smalltarget import adapter as hum_adapter

HUM = Path(hum_adapter.__file__).with_name("tree") / "hum"
WAVES = "def smooth(left, value, right):\n    return (left + 6 * value + right) / 8\n"
LOOP = "(table[at - 1] + 6 * table[at] + table[(at + 1) % SAMPLES]) / 8"
CALL = "smooth(table[at - 1], table[at], table[(at + 1) % SAMPLES])"
PATCHES = {
    "renamed": ("waves", "waves.py", "def smooth(left, value, right): $$$BODY",
                "def smoothed(left, value, right): $$$BODY"),
    "calls_it": ("hum", "hum/voice.py", "from waves import smooth",
                 "from waves import smoothed as smooth"),
    "flatter": ("waves", "waves.py", "(left + 6 * value + right) / 8",
                "(left + 5 * value + right) / 7"),
}  # fmt: skip


@pytest.fixture
def patcher(tmp_path: Path) -> Patcher:
    """A working copy of both, and the adapter in a file of the workspace."""
    shutil.copytree(HUM, tmp_path / "hum" / "hum", ignore=shutil.ignore_patterns("__pycache__"))
    voice = tmp_path / "hum" / "hum" / "voice.py"
    text = voice.read_text().replace("ROUNDS = 400", "ROUNDS = 2")
    assert LOOP in text
    imports = ("import random\n", "import random\n\nfrom waves import smooth\n")
    voice.write_text(text.replace(LOOP, CALL).replace(*imports))
    (tmp_path / "waves").mkdir()
    (tmp_path / "waves" / "waves.py").write_text(WAVES)
    for name in ("hum", "waves"):
        project = f'[project]\nname = "{name}"\nversion = "1.0"\n'
        (tmp_path / name / "pyproject.toml").write_text(project)
    workspace = tmp_path / "workspace"
    (workspace / "patches").mkdir(parents=True)
    for name, (target, file, old, new) in PATCHES.items():
        spec = f"patch: {name}\nsummary: {name}\ntarget: {target}\nequivalence: bitwise\n"
        edit = f"edits:\n  - file: {file}\n    match: '{old}'\n    with: '{new}'\n"
        (workspace / "patches" / f"{name}.yaml").write_text(spec + edit)
    source = Path(hum_adapter.__file__).read_text()
    own = source.replace("tests.smalltarget.adapter:open_session", "hum_adapter:open_session")
    (workspace / "hum_adapter.py").write_text(own)
    settings = 'target = ["hum", "waves"]\n[verify]\nadapter = "hum_adapter.py:adapter"\n'
    (workspace / "patcher.toml").write_text(settings)
    run = runner(workspace)
    assert run("init", str(tmp_path / "hum"), str(tmp_path / "waves")).status == 0
    return run


def test_an_adapter_of_one_judges_the_patches_of_both(patcher: Patcher) -> None:
    ran = patcher("verify", "renamed", "calls_it", "--json")
    assert ran.status == 0, ran.stdout
    assert len(ran.json["cases"]) == 4  # two models, two tests
    assert [each["name"] for each in ran.json["cases"][0]["stages"]] == [
        "speech_tokens", "mel", "waveform",
    ]  # fmt: skip
    assert {each["file"] for each in ran.json["exercised"]} == {"hum/voice.py", "waves.py"}
    kinds = {each["kind"] for each in ran.json["inputs"]["drawn"]}
    assert {"drawn", "refused", "again"} <= kinds  # what the file's adapter has beside


def test_a_fault_in_the_other_distribution_is_named_there(patcher: Patcher) -> None:
    ran = patcher("verify", "flatter", "--json")
    assert ran.status == 1
    assert (ran.json["verdict"], ran.json["series_now"]) == ("fail", [])
    (cause,) = ran.json["diagnosis"]
    assert (cause["where"], cause["line"], cause["patch"]) == ("waves.py", 2, "flatter")
    assert ran.json["cases"][0]["difference"]["stage"] in ("samples", "waveform")


@pytest.mark.nightly  # minutes beside busy neighbours
def test_both_are_timed_together(patcher: Patcher) -> None:
    ran = patcher("verify", "renamed", "calls_it", "--bench", "--json")
    assert ran.json["verdict"] == "pass", ran.stdout
    assert ran.json["speed"]["verdict"] != "not-measured"
    assert ran.json["speed"]["pairs"] >= 6
