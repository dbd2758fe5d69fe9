"""The shape of JSON values, keys and types, and whether one keeps what another promises.

A shape is a dictionary by key, a list of at most one shape, or words: ``string|null``. A key that
only some elements of a list have ends in ``?``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

TYPES = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
# Objects whose keys are names of the case at hand, not of the contract.
OPEN = {"static", "environment", "trees", "measured", "limits"}


def shape_of(value: Any, key: str = "") -> Any:
    """Keys and types of a JSON value; of a list, all that its elements may be."""
    if isinstance(value, Mapping):
        if key in OPEN:
            return "object"
        return {name: shape_of(one, name) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [reduce(union, map(shape_of, value))] if value else []
    return TYPES[type(value)]


def union(one: Any, other: Any) -> Any:
    """What both of two shapes are instances of."""
    if one == other:
        return one
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _union_of_objects(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return [reduce(union, [*one, *other])]
    return "|".join(sorted({*_words(one), *_words(other)}))


def _union_of_objects(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    plain = [{name.rstrip("?"): value for name, value in each.items()} for each in (one, other)]
    always = {name for name in one if name in other and not name.endswith("?")}
    actual = {}
    for name in sorted({*plain[0], *plain[1]}):
        shapes = [each[name] for each in plain if name in each]
        actual[name if name in always else f"{name}?"] = reduce(union, shapes)
    return actual


def _words(shape: Any) -> Sequence[str]:
    return shape.split("|") if isinstance(shape, str) else [json.dumps(shape, sort_keys=True)]


def broken(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """What of a recorded shape another one does not keep, a line each."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name, promised in expected.items():
            bare = name.rstrip("?")
            here = actual.get(bare, actual.get(f"{bare}?"))
            if here is not None:
                yield from broken(promised, here, f"{path}.{bare}")
            elif bare == name:
                yield f"{path}.{bare} is missing"
    elif isinstance(expected, list) and isinstance(actual, list):
        for promised, here in zip(expected, actual, strict=False):
            yield from broken(promised, here, f"{path}[]")
    elif not _fits(expected, actual):
        yield f"{path} is {_text(actual)}, not {_text(expected)}"


def _fits(expected: Any, actual: Any) -> bool:
    if "null" in (expected, actual):  # nothing was known of it, or nothing is
        return True
    return {*_words(actual)} - {"null"} <= {*_words(expected)}


def _text(shape: Any) -> str:
    return shape if isinstance(shape, str) else json.dumps(shape, sort_keys=True)
