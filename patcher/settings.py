"""Settings of a workspace: ``patcher.toml``, or ``[tool.patcher]`` in ``pyproject.toml``.

Flags win over the environment (``PATCHER_*``), which wins over the file. A table named like a
command holds defaults for that command's options (``[tool.patcher.verify] scale = "full"``).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from patcher.errors import PatcherError, nearest

# What a file may say, and the type each value must have.
TOP: Mapping[str, type] = {"target": str, "python": str, "verify": dict, "scan": dict}
VERIFY: Mapping[str, type | tuple[type, ...]] = {
    "bench": str,
    "budget": str,
    "models": (list, str),
    "tests": list,
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
    "command": list,
    "seed": int,
    "gates": dict,
    "matrix": dict,
}
SCAN: Mapping[str, type | tuple[type, ...]] = {"package": list, "scale": str}


def load_settings(workspace: Path) -> dict[str, Any]:
    """Read the settings of a workspace; an empty mapping where there is no file.

    Raises:
        PatcherError: ``config``, for TOML that does not parse, unknown keys and wrong types.
    """
    for name, table in (("patcher.toml", ()), ("pyproject.toml", ("tool", "patcher"))):
        path = workspace / name
        if path.is_file():
            settings = _read(path, table)
            if settings is not None:
                return settings
    return {}


def _read(path: Path, table: tuple[str, ...]) -> dict[str, Any] | None:
    if sys.version_info >= (3, 11):  # here, because most workspaces have no settings to read
        import tomllib
    else:
        import tomli as tomllib

    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PatcherError("config", f"{path.name} is not TOML: {error}", where=str(path)) from None
    for key in table:
        content = content.get(key) if isinstance(content, dict) else None
    if content is None:
        return None
    _check(content, TOP, path, ".".join(table))
    _check(content.get("verify", {}), VERIFY, path, ".".join([*table, "verify"]))
    _check(content.get("scan", {}), SCAN, path, ".".join([*table, "scan"]))
    return dict(content)


def _check(
    content: Any, allowed: Mapping[str, type | tuple[type, ...]], path: Path, table: str
) -> None:
    where = f"{path} [{table}]" if table else str(path)
    if not isinstance(content, dict):
        raise PatcherError("config", f"[{table}] must be a table", where=where)
    for key, value in content.items():
        if key not in allowed:
            known = f"known keys: {', '.join(allowed)}"
            hint = nearest(key, allowed, otherwise=known)
            raise PatcherError("config", f"unknown key {key!r}", where=where, hint=hint)
        kinds = allowed[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is int):
            names = [kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,))]
            raise PatcherError("config", f"{key} must be {' or '.join(names)}", where=where)
