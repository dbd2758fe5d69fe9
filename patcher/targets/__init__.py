"""Packages patcher can run: the adapter interface, how adapters are found, the ones shipped."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.targets.adapter import Adapter

SHIPPED = {"chatterbox-tts": "patcher.targets.chatterbox:adapter"}


def find_adapter(distribution: str) -> Adapter | None:
    """The adapter for a distribution: one of the entry point ``patcher.targets``, or a shipped one.

    None where there is none: such a target is run by ``[tool.patcher.verify] command``.
    """
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
