"""The machine of a run, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def machine_line(facts: Mapping[str, Any]) -> str:
    """The machine in one line, from the facts of its fingerprint."""
    device = facts.get("gpu") or facts.get("gpus") or facts.get("cpu") or facts.get("processor")
    if isinstance(device, (list, tuple)):
        device = ", ".join(map(str, device))
    parts = [str(device)] if device else []
    threads = facts.get("processors") or facts.get("cpus")
    if threads and not facts.get("gpu"):
        parts.append(f"{threads} processors")
    return ", ".join(parts)
