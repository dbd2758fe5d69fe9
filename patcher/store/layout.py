"""From a project's files to what Python would import: the import root, packages, metadata."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NOT_PACKAGES = {
    "tests", "test", "testing", "docs", "doc", "examples", "example", "samples", "scripts",
    "tools", "benchmarks", "bench", "build", "dist", "env", "venv", "site-packages",
    "node_modules", "backups",
}  # fmt: skip
_NOT_MODULES = {"setup.py", "conftest.py", "noxfile.py", "fabfile.py", "tasks.py"}


@dataclass(frozen=True)
class Layout:
    """Where a project keeps its code.

    Attributes:
        prefix: the import root relative to the project, ``src/`` or empty.
        packages: top-level packages, or modules with their ``.py``.
    """

    prefix: str
    packages: tuple[str, ...]

    def holds(self, path: str) -> bool:
        """Whether a project file is part of the packages or of their metadata."""
        if not path.startswith(self.prefix):
            return False
        top = path[len(self.prefix) :].split("/", 1)[0]
        return top in self.packages or top.endswith(".dist-info")


def is_source(path: str) -> bool:
    """Whether a file belongs to a source tree at all: no compiled bytecode."""
    return "__pycache__" not in path.split("/") and not path.endswith((".pyc", ".pyo"))


def find_layout(paths: Iterable[str]) -> Layout | None:
    """The layout of a project, from its files' paths; None when it has no Python package."""
    known = set(paths)
    for prefix in ("src/", ""):
        tops = {path[len(prefix) :].split("/", 1)[0] for path in known if path.startswith(prefix)}
        packages = sorted(
            top
            for top in tops
            if f"{prefix}{top}/__init__.py" in known and top not in _NOT_PACKAGES
        )
        modules = sorted(
            top
            for top in tops
            if top.endswith(".py") and f"{prefix}{top}" in known and top not in _NOT_MODULES
        )
        if packages or modules:
            return Layout(prefix, tuple(packages or modules))
    return _namespaces(known)


def _namespaces(known: Iterable[str]) -> Layout | None:
    """The layout of a project whose packages lie below folders without an ``__init__.py``."""
    for prefix in ("src/", ""):
        below = re.compile(rf"{prefix}([A-Za-z_]\w*)/(?:[A-Za-z_]\w*/)+__init__\.py")
        tops = {match[1] for path in known if (match := below.fullmatch(path))} - _NOT_PACKAGES
        if prefix == "":
            tops.discard("src")
        if tops:
            return Layout(prefix, tuple(sorted(tops)))
    return None


@dataclass(frozen=True)
class Metadata:
    """A distribution's name and version, and the text of its METADATA."""

    name: str
    version: str
    text: str


def parse_metadata(data: bytes) -> Metadata | None:
    """Name and version from METADATA or PKG-INFO; None without them."""
    text = data.decode("utf-8", "surrogateescape")
    head = text.replace("\r\n", "\n").split("\n\n", 1)[0]
    name = re.search(r"^Name:[ \t]*(\S+)", head, re.MULTILINE)
    version = re.search(r"^Version:[ \t]*(\S+)", head, re.MULTILINE)
    if name is None or version is None:
        return None
    return Metadata(name[1], version[1], text)


def find_metadata(
    paths: Iterable[str], read: Callable[[str], bytes], layout: Layout
) -> Metadata | None:
    """A project's metadata: from PKG-INFO, pyproject.toml or setup.cfg, never by running it."""
    known = sorted(paths)
    for path in known:
        if re.fullmatch(r"(src/)?([^/]+\.(egg|dist)-info/)?(PKG-INFO|METADATA)", path) and (
            result := parse_metadata(read(path))
        ):
            return result
    name: str | None = None
    version: str | None = None
    requires: list[str] = []
    if "pyproject.toml" in known:
        name, version, requires = _pyproject(read("pyproject.toml").decode("utf-8", "replace"))
    if "setup.cfg" in known and (name is None or version is None):
        import configparser

        config = configparser.ConfigParser(interpolation=None)
        try:
            config.read_string(read("setup.cfg").decode("utf-8", "replace"))
        except configparser.Error:
            config = configparser.ConfigParser()
        name = name or config.get("metadata", "name", fallback=None)
        version = version or config.get("metadata", "version", fallback=None)
    if name is None:
        return None
    version = _plain(version) or _module_version(known, read, layout) or "0"
    return synthesise(name, version, requires)


def synthesise(name: str, version: str, requires: Iterable[str] = ()) -> Metadata:
    """The least METADATA that `importlib.metadata` answers from."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    return Metadata(name, version, "\n".join(lines) + "\n")


def _pyproject(text: str) -> tuple[str | None, str | None, list[str]]:
    try:
        project = importlib.import_module("tomllib").loads(text).get("project", {})
    except (ModuleNotFoundError, ValueError):
        # Python 3.10 has no TOML reader: the two plain strings are all that is needed.
        section = re.search(r"^\[project\]\s*$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
        pairs = re.findall(r"^(name|version)\s*=\s*[\"']([^\"']+)", section[1] if section else "",
                           re.MULTILINE)  # fmt: skip
        project = dict(pairs)
    requires = project.get("dependencies", [])
    return project.get("name"), project.get("version"), [str(each) for each in requires]


def _plain(version: str | None) -> str | None:
    return version if version and re.fullmatch(r"[0-9A-Za-z.!+_-]+", version) else None


def _module_version(
    known: Iterable[str], read: Callable[[str], bytes], layout: Layout
) -> str | None:
    for package in layout.packages:
        path = f"{layout.prefix}{package}/__init__.py"
        if path in known and (
            result := re.search(rb"^__version__\s*=\s*[\"']([^\"'\n]+)", read(path), re.MULTILINE)
        ):
            return _plain(result[1].decode("utf-8", "replace"))
    return None
