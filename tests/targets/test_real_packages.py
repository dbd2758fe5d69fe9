"""Real packages: the good patches pass, the wrong ones fail with a cause and a place."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Patcher, runner
from tests.targets.real_packages import HEAVY, LIGHT, Package


def installed(package: Package) -> bool:
    try:
        metadata.version(package.name)
    except metadata.PackageNotFoundError:
        return False
    return True


def cases() -> list[Any]:
    actual = []
    for package in (*LIGHT, *HEAVY):
        marks = [pytest.mark.slow] if package in HEAVY else []
        if not installed(package):
            marks.append(pytest.mark.skip(reason=f"{package.name} is not installed"))
        actual.append(pytest.param(package, id=package.name, marks=marks))
    return actual


def prepared(folder: Path, package: Package) -> Patcher:
    """A workspace with the package's workload and patches."""
    (folder / "patches").mkdir()
    (folder / "bench.py").write_text(package.bench)
    (folder / "patcher.toml").write_text(
        f'target = "{package.name}"\n[verify]\ncall = "bench.py:work"\n'
    )
    for change in package.changes:
        (folder / "patches" / f"{change.name}.yaml").write_text(change.spec(package.name))
    run = runner(folder)
    assert run("init", package.name).status == 0
    return run


@pytest.mark.parametrize("package", cases())
def test_every_patch_gets_the_verdict_it_deserves(tmp_path: Path, package: Package) -> None:
    patcher = prepared(tmp_path, package)
    for change in package.changes:
        ran = patcher("apply", change.name, "--verify", "--json")
        assert ran.stdout, ran.stderr
        actual = json.loads(ran.stdout)
        expected = "fail" if change.error else "pass"
        assert actual.get("verdict") == expected, f"{change.name}: {ran.stdout}\n{ran.stderr}"
        errors = [case["error"] for case in actual["cases"] if case["status"] == "fail"]
        if change.error:
            assert actual["restored"] is True
            assert errors
            assert change.error in errors[0], errors[0]
        assert patcher("revert", "--all").status == 0
