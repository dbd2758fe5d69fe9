"""The arrows between the packages point one way, and the page that draws them is true."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_every_import_keeps_the_contract(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    linter = pytest.importorskip("importlinter.cli")
    monkeypatch.chdir(REPOSITORY)
    status = linter.lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out


def layers() -> list[str]:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (actual,) = (each["layers"] for each in contracts if each["type"] == "layers")
    return list(actual)


def test_every_package_has_its_layer() -> None:
    folder = Path(REPOSITORY, "patcher")
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    assert packages | modules == set(layers())


def test_the_page_draws_the_layers_of_the_contract_in_their_order() -> None:
    text = Path(REPOSITORY, "docs", "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `patcher/(\w+)(?:/|\.py)` \|", text, re.MULTILINE)
    assert names == layers()
