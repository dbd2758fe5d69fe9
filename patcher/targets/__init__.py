"""Packages patcher can run: the adapter interface, how adapters are found, the ones shipped."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.targets.adapter import Adapter

DEFAULT = "chatterbox-tts"
"""The target where nothing names another one."""

SHIPPED = {
    "chatterbox-tts": "patcher.targets.chatterbox:adapter",
    "chatterbox-streaming": "patcher.targets.chatterbox:streaming",
}


def find_adapter(
    distribution: str,
    config: Mapping[str, Any] | None = None,
    *,
    root: Path = Path(),
    packages: Sequence[str] = (),
    members: Sequence[str] = (),
) -> Adapter | None:
    """The adapter for a distribution, or None where there is none.

    In this order: the ``adapter`` of ``config`` (the settings' table ``verify``), its ``call``,
    ``command`` and ``tests``, the entry point ``patcher.targets`` of that name, the adapters
    shipped here.

    Args:
        root: the workspace; files in ``config`` are relative to it.
        packages: top-level packages or modules of the target.
        members: the distributions of a working copy that holds several; the first that has an
            adapter gives it.

    Raises:
        PatcherError: ``config``, for an ``adapter`` that cannot be loaded.
    """
    result = _own_adapter(distribution, config, root, packages)
    for name in members or (distribution,):
        result = result or _registered(name)
    if result is None or len(members) < 2:
        return result
    from patcher.targets.joined import JoinedAdapter

    return JoinedAdapter(result, _names(packages))


def _own_adapter(
    distribution: str, config: Mapping[str, Any] | None, root: Path, packages: Sequence[str]
) -> Adapter | None:
    """What the settings say to run."""
    if config and config.get("adapter"):
        from patcher.targets.file_adapter import load_adapter

        return load_adapter(root, str(config["adapter"]))
    if config and any(config.get(key) for key in ("call", "command", "tests")):
        from patcher.targets.workload import WorkloadAdapter

        return WorkloadAdapter(distribution, _names(packages), root, config)
    return None


def _names(packages: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.removesuffix(".py") for name in packages)


def _registered(distribution: str) -> Adapter | None:
    """An adapter that is installed, or shipped here."""
    from importlib.metadata import entry_points

    name = distribution.lower().replace("_", "-")
    for point in entry_points(group="patcher.targets"):
        if point.name.lower().replace("_", "-") == name:
            result: Adapter = point.load()
            return result
    if name in SHIPPED:
        module, _, attribute = SHIPPED[name].partition(":")
        shipped: Adapter = getattr(importlib.import_module(module), attribute)
        return shipped
    return None
