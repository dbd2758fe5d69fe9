"""What is packed into the source distribution can be imported from it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import REPOSITORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OURS = {"patcher", "tests", "benchmarks", "docs"}


def packed() -> set[str]:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return set(settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])


def imported_by(path: Path) -> Iterator[str]:
    """Top-level packages that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name.split(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_every_import_of_ours_is_packed_too() -> None:
    folders = [REPOSITORY / name for name in sorted(OURS & packed())]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    imported = {name for path in files for name in imported_by(path)} & OURS
    assert imported <= packed()


def test_the_product_imports_neither_tests_nor_benchmarks() -> None:
    for path in (REPOSITORY / "patcher").rglob("*.py"):
        assert not {"tests", "benchmarks", "docs"} & set(imported_by(path)), path


def test_benchmarks_and_pages_import_no_tests() -> None:
    """Tests may import both, so this is what keeps the three from importing each other."""
    for folder in ("benchmarks", "docs"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            assert "tests" not in set(imported_by(path)), path
