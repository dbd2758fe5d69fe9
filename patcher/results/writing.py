"""From a result to JSON values: the one place where results are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any


def optional(beside: str = "") -> Any:
    """A field that is no key of the JSON object while it is None, or the one ``beside`` it is."""
    return field(default=None, metadata={"optional": beside})


def unwritten() -> Any:
    """A field that is for callers alone: no key of the JSON object."""
    return field(default=None, metadata={"json": False})


def as_json(value: Any) -> Any:
    """A result, or any part of one, in JSON values."""
    own = getattr(value, "as_json", None)
    if own is not None:
        return own()
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: as_json(getattr(value, each.name))
            for each in fields(value)
            if not _left_out(value, each)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(each) for each in value]
    return value


def _left_out(value: Any, each: Field[Any]) -> bool:
    if not each.metadata.get("json", True):
        return True
    beside = each.metadata.get("optional")
    return beside is not None and getattr(value, beside or each.name) is None
