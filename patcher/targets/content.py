"""A hash of the code that decides what is run: the adapter's own files, and those of a command."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from patcher.targets.adapter import Adapter


def content_of(adapter: Adapter, config: Mapping[str, Any], root: Path) -> str:
    """The sha256 of the adapter's source files and of every file that the settings name.

    Args:
        config: the settings' table ``verify``.
        root: the workspace; files of the settings are relative to it.
    """
    digest = hashlib.sha256()
    for path in sorted({*_own(adapter), *_named(config, root)}):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


# Settings that change how a verification is run, and not what it says of a patch.
HOW = {"bench", "budget", "timeout", "fail_fast", "isolate", "keep", "require", "executor"}


def workload_of(settings: Mapping[str, Any], root: Path) -> str:
    """The sha256 of what the settings say to run, with every file they name; imports nothing.

    Args:
        settings: the workspace's, whole.
        root: the workspace; files of the settings are relative to it.
    """
    table = {key: value for key, value in settings.get("verify", {}).items() if key not in HOW}
    settings_text = json.dumps([settings.get("python"), table], sort_keys=True, default=str)
    digest = hashlib.sha256(settings_text.encode())
    adapter = root / str(table.get("adapter", "")).rpartition(":")[0]
    beside = adapter.parent.glob("*.py") if adapter.is_file() else ()
    for path in sorted({*_named(table, root), *(each.resolve() for each in beside)}):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _own(adapter: Adapter) -> Iterator[Path]:
    """The adapter's module and its neighbours, and the module that serves in workers."""
    module = sys.modules.get(type(adapter).__module__)
    names = [getattr(module, "__file__", None)]
    serving = sys.modules.get(adapter.serving.partition(":")[0])
    names.append(getattr(serving, "__file__", None))
    for name in names:
        if name:
            yield from Path(name).resolve().parent.glob("*.py")


def _named(value: Any, root: Path) -> Iterator[Path]:
    """Files named in settings, alone or as ``FILE:OBJECT``, whatever table they stand in."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _named(each, root)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each, root)
    elif isinstance(value, str) and value and "\n" not in value and len(value) < 250:
        for text in {value, value.rpartition(":")[0]} - {""}:
            path = root / text
            if path.is_file():
                yield path.resolve()
