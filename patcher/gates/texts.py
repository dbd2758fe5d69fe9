"""How a gate speaks of values: a node in a few words, and where two texts part."""

from __future__ import annotations

import base64
import struct
from typing import Any

LONGEST = 120  # characters of a value that are shown
BEFORE = 30  # and of those before the first that differs


def differing(expected: list[Any], actual: list[Any]) -> str:
    """``is Y, on the baseline X`` of two nodes of one kind; long texts from where they part."""
    if expected[0] not in ("str", "bytes"):
        return f"is {describe(actual)}, on the baseline {describe(expected)}"
    if expected[0] == "str":
        return parting(expected[1], actual[1])
    return parting(*(base64.b64decode(each[1]) for each in (expected, actual)))


def parting(expected: str | bytes, actual: str | bytes) -> str:
    """The same of two texts, or of two strings of bytes."""
    shorter = min(len(expected), len(actual))
    at = next((n for n in range(shorter) if expected[n] != actual[n]), shorter)
    start = at - BEFORE if at > LONGEST - BEFORE else 0
    there, here = (f"{'...' if start else ''}{quoted(each[start:])}" for each in (expected, actual))
    place = f"; they part at {'character' if isinstance(expected, str) else 'byte'} {at + 1}"
    return f"is {here}, on the baseline {there}{place if start else ''}"


def quoted(value: str | bytes) -> str:
    """As Python writes it, its first `LONGEST` characters."""
    shown = repr(value)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


def double(bits: str) -> float:
    """The number that eight bytes in hexadecimal are."""
    result: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return result


def describe(node: list[Any]) -> str:
    """A node in a few words, as Python would write it where that is short."""
    kind, *rest = node
    if kind == "none":
        return "None"
    if kind in ("bool", "int", "name", "cycle"):
        return str(rest[0])
    if kind == "str":
        return quoted(rest[0])
    if kind == "float":
        return repr(double(rest[0]))
    if kind == "complex":
        return repr(complex(double(rest[0][:16]), double(rest[0][16:])))
    if kind == "bytes":
        return quoted(base64.b64decode(rest[0]))
    if kind in ("bytearray", "memoryview"):
        return f"a {kind} of {quoted(base64.b64decode(rest[0]))}"
    if kind == "text":
        return str(rest[1])
    if kind in ("fields", "object"):
        return f"a {rest[0]}"
    if kind == "array":
        return f"a {rest[0]} of {rest[1]} {rest[2]}"
    if kind in ("list", "tuple", "set", "frozenset", "dict"):
        return f"a {kind} of {len(rest[0])}"
    return f"a pandas {kind}"
