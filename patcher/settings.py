"""Settings of a workspace: ``patcher.toml``, or ``[tool.patcher]`` in ``pyproject.toml``.

Flags win over the environment (``PATCHER_*``), which wins over the file. A table named like a
command holds defaults for that command's options (``[verify] scale = "full"``). In
``patcher.toml`` the tables may be written as in ``pyproject.toml``: ``[tool.patcher.verify]``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from patcher.errors import PatcherError, nearest

Kinds = type | tuple[type, ...]

# What a file may say, and the type each value must have.
TOP: Mapping[str, Kinds] = {"target": (str, list), "python": str, "verify": dict, "scan": dict}
VERIFY: Mapping[str, Kinds] = {
    # what is run
    "call": (str, list),
    "cases": dict,
    "compare": str,
    "command": list,
    "outputs": list,
    "filter": (str, list),
    "tests": list,
    "adapter": str,
    "matrix": dict,
    # how
    "bench": str,
    "budget": str,
    "models": (list, str),
    "device": str,
    "scale": str,
    "checkpoint": str,
    "pretrained": bool,
    "timeout": (int, float),
    "fail_fast": bool,
    "isolate": bool,
    "keep": bool,
    "require": str,
    "executor": str,
    "seed": int,
    "inputs": int,
    "readable": list,
    "gates": dict,
}
SCAN: Mapping[str, Kinds] = {"package": list, "scale": str}
TABLES: Mapping[str, Mapping[str, Kinds]] = {"verify": VERIFY, "scan": SCAN}


# A key that says something about another one, with a line that would make sense of it.
ABOUT: Mapping[str, tuple[str, str]] = {
    "cases": ("call", 'call = "bench.py:work"'),
    "compare": ("call", 'call = "bench.py:work"'),
    "outputs": ("command", 'command = ["python", "make.py"]'),
    "filter": ("command", 'command = ["python", "make.py"]'),
}
RUN = ("call", "command", "tests")


def load_settings(workspace: Path) -> dict[str, Any]:
    """Read the settings of a workspace; an empty mapping where there is no file.

    Raises:
        PatcherError: ``config``, for TOML that does not parse, unknown keys and wrong types; with
            the line, and where it can be told the line that would be right.
    """
    for name in ("patcher.toml", "pyproject.toml"):
        path = workspace / name
        if path.is_file():
            settings = _read(path)
            if settings is not None:
                return settings
    return {}


def _read(path: Path) -> dict[str, Any] | None:
    if sys.version_info >= (3, 11):  # here, because most workspaces have no settings to read
        import tomllib
    else:
        import tomli as tomllib

    try:
        text = path.read_text(encoding="utf-8")
        content: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PatcherError("config", f"{path.name} is not TOML: {error}", where=str(path)) from None
    file = _File(path, text)
    nested = content.get("tool", {})
    nested = nested.get("patcher") if isinstance(nested, dict) else None
    if path.name == "pyproject.toml":
        if nested is None:
            return None
        content, file.prefix = nested, "tool.patcher."
    elif "tool" in content:
        content = file.merged(content, nested)
    file.check(content, TOP, "")
    for table, allowed in TABLES.items():
        file.check(content.get(table, {}), allowed, table)
    file.check_together(content.get("verify", {}))
    return dict(content)


def place_of(workspace: Path, key: str, table: str = "verify") -> str:
    """``FILE:LINE`` of a key in the settings; the file, or the workspace, where it is not there."""
    for name in ("patcher.toml", "pyproject.toml"):
        path = workspace / name
        if path.is_file():
            place = _File(path, path.read_text(encoding="utf-8", errors="replace")).place(
                key, table
            )
            if place != str(path):
                return place
    return str(workspace)


class _File:
    """One settings file, for errors that name the line."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()
        self.prefix = ""

    def merged(self, content: dict[str, Any], nested: object) -> dict[str, Any]:
        """``patcher.toml`` written with the headings of ``pyproject.toml``."""
        rest = {key: value for key, value in content.items() if key != "tool"}
        if not isinstance(nested, dict):
            raise PatcherError(
                "config",
                "patcher.toml holds a [tool] table, but no [tool.patcher]",
                where=self.place("tool"),
                hint="in patcher.toml the tables are [verify] and [scan]",
            )
        for key in rest:
            if key in nested:
                raise PatcherError(
                    "config",
                    f"[{key}] and [tool.patcher.{key}] say the same thing twice",
                    where=self.place(key),
                    hint=f"keep one of them; in patcher.toml it is [{key}]",
                )
        return {**rest, **nested}

    def check(self, content: object, allowed: Mapping[str, Kinds], table: str) -> None:
        """Raise for the first key that is unknown or of a wrong type."""
        if not isinstance(content, dict):
            heading = f"[{self.prefix}{table}]"
            raise PatcherError("config", f"{heading} must be a table", where=self.place(table))
        for key, value in content.items():
            where = self.place(key, table)
            if key not in allowed:
                hint = self._elsewhere(key, value, table) or nearest(
                    key, allowed, otherwise=f"known keys: {', '.join(allowed)}"
                )
                raise PatcherError("config", f"unknown key {key!r}", where=where, hint=hint)
            expected = allowed[key]
            kinds = expected if isinstance(expected, tuple) else (expected,)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                names = " or ".join(_toml_name(kind) for kind in kinds)
                hint = _rewritten(key, value, kinds)
                raise PatcherError("config", f"{key} must be {names}", where=where, hint=hint)

    def check_together(self, verify: Mapping[str, object]) -> None:
        """Raise where one key of ``verify`` makes no sense without, or beside, another."""
        for key, (needed, line) in ABOUT.items():
            if key in verify and needed not in verify:
                raise PatcherError(
                    "config",
                    f"`{key}` is about `{needed}`, and there is no `{needed}`",
                    where=self.place(key, "verify"),
                    hint=f"add a line beside it: {line}",
                )
        for key in RUN:
            if key in verify and "adapter" in verify:
                raise PatcherError(
                    "config",
                    f"`adapter` and `{key}` both say what to run",
                    where=self.place(key, "verify"),
                    hint=f"keep one of them: without `adapter` this line stands, {key} = "
                    f"{_toml(verify[key])}",
                )

    def _elsewhere(self, key: str, value: object, table: str) -> str:
        """The exact lines, for a key that another table knows."""
        for other, allowed in (("", TOP), *TABLES.items()):
            if key in allowed and other != table:
                heading = f"[{self.prefix}{other}]".replace(".]", "]")
                line = f"{key} = {_toml(value)}"
                if heading == "[]":
                    return f"it stands at the top of the file, before any [table]: {line}"
                return f"it belongs below a line {heading}: {line}"
        return ""

    def place(self, key: str, table: str = "") -> str:
        """``FILE:LINE`` of a key, or the file where the line cannot be told."""
        heading = ""
        assignment = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
        for number, line in enumerate(self.lines, 1):
            if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
                heading = header[1].removeprefix("tool.patcher.").replace(" ", "")
                heading = "" if heading == "tool.patcher" else heading
                if f"{heading}.".startswith(f"{table}.{key}.".lstrip(".")):
                    return f"{self.path}:{number}"
            elif heading == table and assignment.match(line):
                return f"{self.path}:{number}"
        return str(self.path)


def _toml_name(kind: type) -> str:
    names = {str: "a string", list: "a list", dict: "a table", bool: "true or false"}
    return names.get(kind, "a number")


def _toml(value: object) -> str:
    """A value as TOML writes it (strings, numbers and lists are those of JSON)."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _rewritten(key: str, value: object, kinds: tuple[type, ...]) -> str:
    """The line as it should be, where that can be told."""
    if isinstance(value, str) and list in kinds:
        import shlex

        try:
            return f"write: {key} = {_toml(shlex.split(value))}"
        except ValueError:
            return ""
    if isinstance(value, (int, float)) and str in kinds and not isinstance(value, bool):
        return f"write: {key} = {_toml(str(value))}"
    return ""
