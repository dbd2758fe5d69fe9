"""Compares two Python values as `patcher.worker.values` wrote them. Nothing is unpickled.

The result is the first difference with its path in the value, ``returned['total'][3]``. With
`Tolerance` floating-point numbers may differ by a little; everything else must be equal.
"""

from __future__ import annotations

import difflib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.gates import arrays
from patcher.gates.rounding import near, unlike_rounding
from patcher.gates.texts import describe, differing, double, parting

if TYPE_CHECKING:
    from collections.abc import Sequence

SKELETON = "value"
FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})


@dataclass(frozen=True)
class Tolerance:
    """``|d| <= absolute + relative * |baseline|`` for floating-point numbers."""

    relative: float = 0.0
    absolute: float = 0.0

    @property
    def exact(self) -> bool:
        return not self.relative and not self.absolute


EXACT = Tolerance()
CLOSE = Tolerance(relative=1e-4, absolute=1e-5)


@dataclass(frozen=True)
class Difference:
    """The first place where two values are not equal.

    Attributes:
        path: of the part, ``returned['total'][3]``.
        message: what it is and what it should be, without the path.
        index, size: in an array: the first flat index that differs, and how many elements do.
        largest: the largest absolute difference in an array or of a number; None elsewhere.
    """

    path: str
    message: str
    index: int | None = None
    size: int | None = None
    largest: float | None = None

    @property
    def text(self) -> str:
        return f"{self.path} {self.message}"


@dataclass(frozen=True)
class Value:
    """One value: the skeleton's bytes, and its arrays as (dtype, shape, bytes) by name."""

    skeleton: bytes
    arrays: Mapping[str, tuple[str, tuple[int, ...], bytes]]


def difference(
    baseline: Value, patched: Value, name: str = "returned", limits: Tolerance = EXACT
) -> Difference | None:
    """The first difference, in the order of the value; None when there is none."""
    try:
        expected, actual = json.loads(baseline.skeleton), json.loads(patched.skeleton)
    except ValueError:
        return Difference(name, "is not a value that the worker could have written")
    try:
        comparison = _Comparison(baseline, patched, limits)
        return comparison.node(expected, actual, name) or comparison.spread(name)
    except (LookupError, TypeError, ValueError, AttributeError):
        return Difference(name, "is not a value that the worker could have written")


class _Comparison:
    def __init__(self, baseline: Value, patched: Value, limits: Tolerance) -> None:
        self.baseline = baseline
        self.patched = patched
        self.limits = limits
        self.numbers: tuple[list[float], list[float]] = ([], [])  # near and not equal, of each arm

    def _take(self, expected: Sequence[float], actual: Sequence[float]) -> None:
        """Keep numbers that were within their tolerance: what they come to is asked at the end."""
        self.numbers[0].extend(expected)
        self.numbers[1].extend(actual)

    def spread(self, path: str) -> Difference | None:
        """Whether all numbers that differ, each within its tolerance, differ as rounding does."""
        if self.limits.exact:
            return None
        odd = unlike_rounding(*self.numbers, self.limits.absolute, self.limits.relative)
        return Difference(path, f"is within its tolerance, but {odd}") if odd else None

    def node(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        if expected == actual and expected[0] not in CONTAINERS and expected[0] != "array":
            return None
        if "same" in (expected[0], actual[0]):
            return self._same(expected, actual, path)
        if expected[0] != actual[0]:
            message = f"is {describe(actual)}, on the baseline {describe(expected)}"
            return Difference(path, message)
        kind = expected[0]
        if kind == "float":
            return self._number(double(expected[1]), double(actual[1]), path)
        if kind == "complex":
            return self._complex(expected[1], actual[1], path)
        if kind == "str":
            return text_difference(expected[1], actual[1], path)
        if kind in ("list", "tuple"):
            return self._sequence(expected[1], actual[1], path)
        if kind == "dict":
            return self._items(expected[1], actual[1], path)
        if kind in ("set", "frozenset"):
            return self._set(expected[1], actual[1], path)
        if kind == "fields":
            return self._fields(expected, actual, path)
        if kind == "array":
            return self._array(expected, actual, path)
        if kind == "object":
            return self._object(expected, actual, path)
        if kind in PARTS:
            return self._parts(expected, actual, path)
        return Difference(path, differing(expected, actual))

    def _same(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        """A part that is an object which came before: changing one changes the other."""
        if expected[0] != "same":
            return Difference(path, f"is the same object as {actual[1]}, and not on the baseline")
        if actual[0] != "same" or expected[1] != actual[1]:
            return Difference(
                path, f"is not the object at {expected[1]}, which it is on the baseline"
            )
        return self.node(expected[2], actual[2], path)

    def _number(self, expected: float, actual: float, path: str) -> Difference | None:
        apart = abs(expected - actual)
        if _near(expected, actual, self.limits) and not self.limits.exact:
            self._take([expected], [actual])
            return None
        if struct.pack(">d", expected) == struct.pack(">d", actual):
            return None
        return Difference(path, f"is {actual!r}, on the baseline {expected!r}", largest=apart)

    def _complex(self, expected: str, actual: str, path: str) -> Difference | None:
        return self._number(double(expected[:16]), double(actual[:16]), f"{path}.real") or (
            self._number(double(expected[16:]), double(actual[16:]), f"{path}.imag")
        )

    def _sequence(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        for at, (a, b) in enumerate(zip(expected, actual, strict=False)):
            if result := self.node(a, b, f"{path}[{at}]"):
                return result
        return _lengths(len(expected), len(actual), path)

    def _items(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        before = {json.dumps(key): item for key, item in expected}
        after = {json.dumps(key): item for key, item in actual}
        for key, item in before.items():
            where = f"{path}[{describe(json.loads(key))}]"
            if key not in after:
                return Difference(where, "is missing")
            if result := self.node(item, after[key], where):
                return result
        for key in after:
            if key not in before:
                where = f"{path}[{describe(json.loads(key))}]"
                return Difference(where, "is not there on the baseline")
        if list(before) != list(after):
            return Difference(path, "has its keys in another order")
        return None

    def _set(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        before, left = map(json.dumps, expected), set(map(json.dumps, actual))
        for item in before:
            if item not in left:
                return Difference(path, f"lacks {describe(json.loads(item))}")
            left.remove(item)
        for item in left:
            message = f"holds {describe(json.loads(item))}, which the baseline does not"
            return Difference(path, message)
        return None

    def _fields(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        if expected[1] != actual[1]:
            return Difference(path, f"is a {actual[1]}, on the baseline a {expected[1]}")
        return self._attributes(expected[2], actual[2], path)

    def _attributes(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        left = dict(map(tuple, actual))
        for name, item in expected:
            where = f"{path}.{name}" if name else path
            if name not in left:
                return Difference(where, "is missing")
            if result := self.node(item, left.pop(name), where):
                return result
        for name in left:
            return Difference(f"{path}.{name}", "is not there on the baseline")
        return None

    def _object(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        if expected[1] != actual[1]:
            return Difference(path, f"is a {actual[1]}, on the baseline a {expected[1]}")
        return (
            self._sequence(expected[2], actual[2], f"{path}.args")
            or self._attributes(expected[3], actual[3], path)
            or self._sequence(expected[4], actual[4], path)
            or self._items(expected[5], actual[5], path)
            or (None if expected[6] == actual[6] else Difference(path, "is made in another way"))
        )

    def _parts(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        """A node whose further elements are nodes, lists of nodes or plain values."""
        for a, b in zip(expected[1:], actual[1:], strict=True):
            result = None
            if _is_node(a) and _is_node(b):
                result = self.node(a, b, path)
            elif isinstance(a, list) and a and isinstance(a[0], list):
                result = self._pieces(a, b, path)
            elif a != b:
                result = Difference(path, f"is of {b}, on the baseline of {a}")
            if result:
                return result
        return None

    def _pieces(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        for a, b in zip(expected, actual, strict=False):
            if _is_node(a):
                result = self.node(a, b, path)
            else:  # a label and a column
                result = self.node(a[0], b[0], path) or self.node(
                    a[1], b[1], f"{path}[{describe(a[0])}]"
                )
            if result:
                return result
        return _lengths(len(expected), len(actual), path)

    def _array(self, expected: list[Any], actual: list[Any], path: str) -> Difference | None:
        _, kind, dtype, shape, name, note = expected
        _, kind2, dtype2, shape2, name2, note2 = actual
        if (kind, note) != (kind2, note2):
            message = f"is a {kind2} {note2}".rstrip() + f", on the baseline a {kind} {note}"
            return Difference(path, message.rstrip())
        if dtype != dtype2:
            return Difference(path, f"is {dtype2}, on the baseline {dtype}")
        if shape != shape2:
            message = f"has shape {shape2}, on the baseline {shape}"
            if kind in ("list", "tuple"):
                message = f"has {shape2[0]} items, on the baseline {shape[0]}"
            return Difference(path, message)
        before, after = self.baseline.arrays[name], self.patched.arrays[name2]
        if before == after:
            return None
        return self._elements(before, after, path, shape)

    def _elements(
        self,
        before: tuple[str, tuple[int, ...], bytes],
        after: tuple[str, tuple[int, ...], bytes],
        path: str,
        shape: Sequence[int],
    ) -> Difference | None:
        dtype, _, data = before
        try:
            expected, actual = arrays.decode(*before), arrays.decode(*after)
        except ValueError:  # an element type that only the bytes are known of
            at = next(
                (at for at, (a, b) in enumerate(zip(data, after[2], strict=False)) if a != b),
                min(len(data), len(after[2])),
            )
            return Difference(path, f"({dtype}) differs from byte {at} on", at)
        limits = self.limits if dtype in FLOATS else EXACT
        wrong = [
            at
            for at, (a, b) in enumerate(zip(expected.numbers, actual.numbers, strict=True))
            if not _near(a, b, limits)
        ]
        if not wrong:
            if limits.exact:
                same = data == after[2]
                return None if same else Difference(path, "differs in the bits of its NaN")
            self._take(expected.numbers, actual.numbers)
            return None
        at = wrong[0]
        a, b = expected.numbers[at], actual.numbers[at]
        largest = max(abs(expected.numbers[each] - actual.numbers[each]) for each in wrong)
        where = "".join(f"[{position}]" for position in _position(at, shape))
        message = f"is {b!r}, on the baseline {a!r}"
        if len(expected.numbers) > 1:
            message += f"; {len(wrong)} of {len(expected.numbers)} elements differ, by up to "
            message += f"{largest:.3g}"
        return Difference(f"{path}{where}", message, at, len(wrong), largest)


CONTAINERS = frozenset(
    {"list", "tuple", "dict", "set", "frozenset", "fields", "object", "objects", "masked",
     "frame", "series", "index", "column", "same"}
)  # fmt: skip
PARTS = frozenset({"objects", "masked", "frame", "series", "index", "column"})


def text_difference(expected: str, actual: str, path: str) -> Difference | None:
    """Where two texts part: the line, and both versions of it."""
    if expected == actual:
        return None
    before, after = expected.splitlines(), actual.splitlines()
    if len(before) <= 1 and len(after) <= 1:
        return Difference(path, parting(expected, actual))
    for number, (a, b) in enumerate(zip(before, after, strict=False), 1):
        if a != b:
            count = _changed(before, after)
            differ = "1 line differs" if count == 1 else f"{count} lines differ"
            message = f"{parting(a, b)}; {differ}"
            return Difference(f"{path} line {number}", message, number)
    if len(before) == len(after):
        return Difference(path, "differs in white space at the ends of lines")
    lines = "line" if len(after) == 1 else "lines"
    message = f"has {len(after)} {lines}, on the baseline {len(before)}"
    return Difference(path, message, min(len(before), len(after)) + 1)


def _changed(before: list[str], after: list[str]) -> int:
    if len(before) + len(after) > 4000:  # the exact count is not worth its time
        return sum(a != b for a, b in zip(before, after, strict=False))
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return max(len(before), len(after)) - sum(block.size for block in blocks)


def _lengths(expected: int, actual: int, path: str) -> Difference | None:
    if expected == actual:
        return None
    return Difference(
        path, f"has {actual} items, on the baseline {expected}", min(expected, actual)
    )


def _near(expected: float, actual: float, limits: Tolerance) -> bool:
    if expected == actual:
        return limits.exact is False or math.copysign(1, expected) == math.copysign(1, actual)
    if math.isnan(expected) and math.isnan(actual):
        return True
    return not limits.exact and near(expected, actual, limits.absolute, limits.relative)


def _position(at: int, shape: Sequence[int]) -> list[int]:
    """The indices of a flat index."""
    result: list[int] = []
    for length in reversed(shape):
        result.append(at % length)
        at //= length
    return result[::-1]


def _is_node(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)
