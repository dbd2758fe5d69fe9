"""`verify --bench=full` by the command line: what a model survives decides, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Patcher, runner

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = REPOSITORY / "tests" / "smalltarget"
PATCH = """\
patch: {name}
summary: the step has a name of its own
target: hum
equivalence: bitwise
edits:
  - file: hum/voice.py
    within: Hum.__init__
    match: self.pitch = pitch
    with: |
      self.pitch = pitch
      self.step = {step}
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def patcher(tmp_path: Path) -> Patcher:
    """A workspace for the small target, its adapter a file beside the settings."""
    workspace = tmp_path / "workspace"
    (workspace / "patches").mkdir(parents=True)
    adapter = (SMALL / "adapter.py").read_text()
    served = adapter.replace("tests.smalltarget.adapter:", "hum_adapter:")
    (workspace / "hum_adapter.py").write_text(served)
    for name, step in (("lambda_step", "lambda: 40"), ("plain_step", "40")):
        text = PATCH.format(name=name, step=step)
        (workspace / "patches" / f"{name}.yaml").write_text(text)
    settings = 'target = "hum"\n[verify]\nadapter = "hum_adapter.py:adapter"\n'
    (workspace / "patcher.toml").write_text(settings)
    run = runner(workspace)
    assert run("init", str(SMALL / "tree")).status == 0
    return run


FULL = ("verify", "--bench=full", "--budget", "2s", "--life", "5", "--inputs", "0", "--json")


def test_a_model_that_can_no_longer_be_pickled_is_restored(patcher: Patcher) -> None:
    assert patcher("apply", "lambda_step").status == 0
    ran = patcher(*FULL)
    assert (ran.status, ran.json["verdict"], ran.json["restored"]) == (1, "fail", True), ran.stdout
    lost = [row["probe"] for row in ran.json["survived"] if row["lost"]]
    assert lost == ["pickling", "pickling after use"]
    assert patcher("status", "--json").json["series"] == []


def test_one_that_survives_what_pristine_survives_passes(patcher: Patcher) -> None:
    assert patcher("apply", "plain_step").status == 0
    ran = patcher(*FULL)
    assert (ran.status, ran.json["verdict"]) == (0, "pass"), ran.stdout
    rows = {row["probe"]: row["patched"] for row in ran.json["survived"]}
    assert set(rows) == {"deepcopy", "pickling", "pickling after use", "two models", "two threads"}
    assert set(rows.values()) == {"same"}
