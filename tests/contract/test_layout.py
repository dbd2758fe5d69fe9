"""What keeps the layout one to find things in: sizes, names, arrows between the folders."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conftest import REPOSITORY

MOST_LINES = 400
ONE_FILE = {
    "patcher/rewrite/guarding/runtime.py",  # written into targets, as a single file
}


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imported(path: Path) -> set[str]:
    """The top-level names of what a module imports."""
    actual: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            actual |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            actual.add(node.module.partition(".")[0])
    return actual


def test_no_module_is_too_long() -> None:
    long = {
        name: lines
        for path in modules("patcher", "tests", "benchmarks")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
        and (name := name_of(path)) not in ONE_FILE
    }
    assert long == {}


def test_what_ships_imports_neither_tests_nor_benchmarks_nor_docs() -> None:
    others = {"tests", "benchmarks", "docs"}
    assert {
        name_of(p): imported(p) & others for p in modules("patcher") if imported(p) & others
    } == {}


def test_the_pages_are_rendered_from_the_package_alone() -> None:
    others = {"tests", "benchmarks"}
    assert {name_of(p): imported(p) & others for p in modules("docs") if imported(p) & others} == {}


def test_a_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = {}
    for path in modules("patcher"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name_of(path))
    assert {name: actual for name, actual in places.items() if len(actual) > 1} == {}
