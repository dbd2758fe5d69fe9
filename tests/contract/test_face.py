"""What `import patcher` gives: few names, imported when they are used, frozen values back."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import patcher
from tests.contract.adder import make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> patcher.Workspace:
    folder = make_workspace(tmp_path)
    command = ["-C", str(folder), "init", str(tmp_path / "project")]
    subprocess.run([sys.executable, "-m", "patcher", "-q", *command], check=True)
    return patcher.Workspace(folder)


def test_every_public_name_is_there_and_nothing_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, patcher\n"
        "before = [name for name in sys.modules if name.startswith('patcher.')]\n"
        "found = [getattr(patcher, name) for name in patcher.__all__]\n"
        "print(before, None in found, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False False"
    with pytest.raises(AttributeError):
        patcher.nothing_of_the_kind  # noqa: B018


def test_an_afternoon_from_python(workspace: patcher.Workspace) -> None:
    planned = patcher.plan(workspace, ["use_sum"])
    assert planned.fits
    assert planned.patches[0].edits[0].status == "ready"
    applied = patcher.apply(workspace, ["use_sum"])
    assert list(applied.applied) == ["use_sum"]
    verified = patcher.verify(workspace)
    assert (verified.verdict.value, verified.ok, verified.restored) == ("pass", True, False)
    reverted = patcher.revert(workspace)
    assert list(reverted.reverted) == ["use_sum"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        applied.commit = "another"  # type: ignore[misc]


def test_a_failing_patch_is_a_result_and_a_refusal_an_error(workspace: patcher.Workspace) -> None:
    patcher.apply(workspace.root, ["use_three"])
    failed = patcher.verify(workspace.root)
    assert failed.verdict.value == "fail"
    assert failed.restored
    assert list(failed.series) == ["use_three"]
    assert list(failed.series_now) == []
    assert failed.error is not None
    with pytest.raises(patcher.PatcherError) as refused:
        patcher.apply(workspace, ["use_sun"])
    assert refused.value.code == "unknown-patch"
    assert "use_sum" in refused.value.hint
