"""Records on disk: JSON that anyone can read, with a seal that tells damage from content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from patcher.store.fs import digest

if TYPE_CHECKING:
    from collections.abc import Mapping


def _body(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, indent=1, sort_keys=True).encode()


def encode(record: Mapping[str, Any]) -> bytes:
    """A record as JSON with the sha256 of the rest under ``seal``."""
    return _body({**record, "seal": digest(_body(record))}) + b"\n"


def decode(data: bytes) -> dict[str, Any] | None:
    """The record, or None when it is not one that `encode` wrote."""
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    seal = record.pop("seal", None)
    return record if seal == digest(_body(record)) else None
