"""From JSON values back to a result: the inverse of `patcher.results.writing`."""

from __future__ import annotations

import collections.abc
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

from patcher.results.hints import hints_of

Kind = TypeVar("Kind")


def from_json(kind: type[Kind], values: typing.Mapping[str, Any]) -> Kind:
    """The value of a dataclass that was written as ``values``. Unknown keys are passed over.

    Raises:
        KeyError: a field that has no default is missing.
        ValueError: a word that is none of its enumeration.
        TypeError: a value of another shape.
    """
    described: Any = kind
    hints = hints_of(described)
    known = {}
    for each in fields(described):
        if each.name in values:
            known[each.name] = _value(hints[each.name], values[each.name])
        elif each.default is MISSING and each.default_factory is MISSING:
            raise KeyError(each.name)
    return kind(**known)


def _value(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        (kind,) = (each for each in arguments if each is not type(None))
        return _value(kind, value)
    if isinstance(kind, type) and is_dataclass(kind):
        return from_json(kind, value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if origin is collections.abc.Mapping:
        return {key: _value(arguments[1], each) for key, each in value.items()}
    if origin in (collections.abc.Sequence, tuple) and arguments:
        return tuple(_value(arguments[0], each) for each in value)
    return value
