"""Packages patcher can run: the adapter interface, how adapters are found, the ones shipped."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.targets.adapter import Adapter

SHIPPED = {
    "chatterbox-tts": "patcher.targets.chatterbox:adapter",
    "chatterbox-streaming": "patcher.targets.chatterbox:streaming",
}


def find_adapter(distribution: str, config: Mapping[str, Any] | None = None) -> Adapter | None:
    """The adapter for a distribution, or None where there is none.

    In this order: a ``command`` of ``config`` (``[tool.patcher.verify]``), the entry point
    ``patcher.targets`` of that name, the adapters shipped here.
    """
    if config and config.get("command"):
        from patcher.targets.command import CommandAdapter

        return CommandAdapter(distribution, tuple(map(str, config["command"])))
    name = distribution.lower().replace("_", "-")
    for point in entry_points(group="patcher.targets"):
        if point.name.lower().replace("_", "-") == name:
            found: Adapter = point.load()
            return found
    if name in SHIPPED:
        module, _, attribute = SHIPPED[name].partition(":")
        shipped: Adapter = getattr(importlib.import_module(module), attribute)
        return shipped
    return None
