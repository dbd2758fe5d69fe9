"""Any Python value is written by a rule of its type, and two are compared without running code."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import pathlib
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.gates.values import CLOSE, EXACT, Difference, Tolerance, Value, difference
from patcher.worker.values import CannotEncode, encode


def written(value: object) -> Value:
    """A value as it arrives at the judge."""
    buffers = encode(value)
    skeleton = buffers.pop("returned").data
    arrays = {name: (one.dtype, one.shape, one.data) for name, one in buffers.items()}
    return Value(skeleton, arrays)


def compared(one: object, other: object, limits: Tolerance = EXACT) -> Difference | None:
    return difference(written(one), written(other), limits=limits)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Pair(NamedTuple):
    left: int
    right: str


@dataclasses.dataclass
class Box:
    name: str
    sizes: list[float]


class Plain:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Slotted:
    __slots__ = ("one", "two")

    def __init__(self, one: int, two: int) -> None:
        self.one, self.two = one, two


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})

DIFFERENT: list[tuple[str, object, object, str]] = [
    ("an integer", 3, 4, "returned is 4, on the baseline 3"),
    ("a type", 3, 3.0, "returned is 3.0, on the baseline 3"),
    ("true and one", True, 1, "returned is 1, on the baseline True"),
    ("the sign of zero", 0.0, -0.0, "returned is -0.0, on the baseline 0.0"),
    ("a text", "a", "A", "returned is 'A', on the baseline 'a'"),
    (
        "a line",
        "one\ntwo\n",
        "one\nTWO\n",
        "returned line 2 is 'TWO', on the baseline 'two'; 1 line differs",
    ),
    ("line ends", "a\nb\n", "a\r\nb\r\n", "returned differs in white space at the ends of lines"),
    ("a list's item", [1, [2, 3]], [1, [2, 4]], "returned[1][1] is 4, on the baseline 3"),
    ("a list's length", [1, 2], [1], "returned has 1 items, on the baseline 2"),
    (
        "a long list",
        list(range(100)),
        [*range(99), 7],
        "returned[99] is 7, on the baseline 99; 1 of 100 elements differ, by up to 92",
    ),
    ("list and tuple", [1], (1,), "returned is a tuple of 1, on the baseline a list of 1"),
    ("a key", {"a": 1}, {"b": 1}, "returned['a'] is missing"),
    ("another key", {"a": 1}, {"a": 1, "b": 2}, "returned['b'] is not there on the baseline"),
    ("the order of keys", {1: 1, 2: 2}, {2: 2, 1: 1}, "returned has its keys in another order"),
    ("a set", {1, 2}, {1, 3}, "returned lacks 2"),
    ("a larger set", {1}, {1, 2}, "returned holds 2, which the baseline does not"),
    ("a field", Box("a", [1.0]), Box("a", [2.0]), "returned.sizes[0] is 2.0, on the baseline 1.0"),
    ("a named tuple", Pair(1, "a"), Pair(1, "b"), "returned.right is 'b', on the baseline 'a'"),
    (
        "an enum",
        Colour.RED,
        Colour.BLUE,
        f"returned is {__name__}.Colour.BLUE, on the baseline {__name__}.Colour.RED",
    ),
    (
        "an attribute",
        Plain(x=Plain(y=1)),
        Plain(x=Plain(y=2)),
        "returned.x.y is 2, on the baseline 1",
    ),
    ("a slot", Slotted(1, 2), Slotted(1, 3), "returned.two is 3, on the baseline 2"),
    (
        "a decimal",
        decimal.Decimal("1.10"),
        decimal.Decimal("1.1"),
        "returned is Decimal('1.1'), on the baseline Decimal('1.10')",
    ),
    (
        "an ordered dict",
        collections.OrderedDict(a=1),
        collections.OrderedDict(a=2),
        "returned['a'] is 2, on the baseline 1",
    ),
    ("bytes", b"ab", b"ac", "returned is b'ac', on the baseline b'ab'"),
    (
        "an array",
        np.arange(6.0).reshape(2, 3),
        np.array([[0, 1, 2], [3, 4, 9.0]]),
        "returned[1][2] is 9.0, on the baseline 5.0; 1 of 6 elements differ, by up to 4",
    ),
    (
        "an array's type",
        np.zeros(3, np.float32),
        np.zeros(3),
        "returned is float64, on the baseline float32",
    ),
    (
        "an array's shape",
        {"mel": np.zeros((2, 3))},
        {"mel": np.zeros((3, 2))},
        "returned['mel'] has shape [3, 2], on the baseline [2, 3]",
    ),
    (
        "a tensor",
        [torch.ones(2)],
        [torch.tensor([1.0, 1.5])],
        "returned[0][1] is 1.5, on the baseline 1.0; 1 of 2 elements differ, by up to 0.5",
    ),
    (
        "half precision",
        torch.ones(1, dtype=torch.bfloat16),
        torch.full((1,), 2.0, dtype=torch.bfloat16),
        "returned[0] is 2.0, on the baseline 1.0",
    ),
    (
        "complex numbers",
        np.array([1 + 2j]),
        np.array([1 + 3j]),
        "returned (complex128) differs from byte 14 on",
    ),
    (
        "a frame",
        FRAME,
        FRAME.assign(a=[1, 3]),
        "returned['a'][1] is 3, on the baseline 2; 1 of 2 elements differ, by up to 1",
    ),
]


@pytest.mark.parametrize(
    ("one", "other", "text"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT]
)
def test_the_first_difference_is_named_with_its_place(
    one: object, other: object, text: str
) -> None:
    actual = compared(one, other)
    assert actual is not None
    assert actual.text == text
    assert compared(one, copy.deepcopy(one)) is None
    assert compared(other, copy.deepcopy(other)) is None


EQUAL: list[object] = [
    datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
    fractions.Fraction(1, 3),
    pathlib.PurePosixPath("/a/b"),
    collections.Counter("hello"),
    collections.deque([1, 2], maxlen=3),
    range(3),
    ValueError("no", 3),
    math.sqrt,
    Box,
    np.float32(1.5),
    np.array(["a", "b"]),
    np.array([{"a": 1}, None], dtype=object),
    np.array([(1, 2.0)], dtype=[("x", "i4"), ("y", "f8")]),
    np.ma.masked_array([1, 2], mask=[0, 1]),
    torch.eye(2).to_sparse(),
    torch.nn.Linear(2, 2),
    pd.Series([1.5, None], name="x"),
    pd.Index(["a"]),
    pd.DataFrame({"when": pd.to_datetime(["2020-01-01", None])}),
    {"nan": math.nan, "big": 10**400},
]


@pytest.mark.parametrize("value", EQUAL, ids=lambda value: type(value).__name__)
def test_a_copy_is_equal(value: object) -> None:
    assert compared(value, copy.deepcopy(value)) is None


def test_a_value_that_holds_itself_ends() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    assert compared(loop, copy.deepcopy(loop)) is None
    assert compared(loop, [1, [1, 2]]) is not None


def test_sharing_is_part_of_a_value_where_a_change_would_show() -> None:
    shared, pair = [1, 2], (1, 2)
    assert compared([shared, shared], [shared, shared]) is None
    assert compared([pair, pair], [(1, 2), (1, 2)]) is None
    result = compared([[1, 2], [1, 2]], [shared, shared])
    assert result is not None
    assert result.text == "returned[1] is the same object as returned[0], and not on the baseline"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((number for number in ()), "returned is a generator, which computes when it is looked at"),
        ({"f": lambda: 1}, "returned['f'] is "),
        ([sys], "returned[0] is a module, which cannot be stored"),
        (map(str, ()), "returned is a map, which computes"),
    ],
)
def test_what_cannot_be_stored_is_named_with_its_place(value: object, text: str) -> None:
    with pytest.raises(CannotEncode) as caught:
        encode(value)
    assert str(caught.value).startswith(text)


def test_the_path_of_the_arms_own_tree_is_no_difference() -> None:
    one = encode({"file": "/frozen/a/pkg/x.py"}, tree="/frozen/a")
    assert one == encode({"file": "/frozen/b/pkg/x.py"}, tree="/frozen/b")


def test_close_takes_a_small_difference_of_floats_and_of_nothing_else() -> None:
    assert compared([1.0, {"x": np.ones(3)}], [1.00001, {"x": np.ones(3) * 1.00005}], CLOSE) is None
    assert compared({"variance": 1.0}, {"variance": 1.02}, CLOSE) is not None
    assert compared([1, "a"], [2, "a"], CLOSE) is not None
    assert compared([1.0, math.nan], [1.0, math.nan], CLOSE) is None
    assert compared([1.0], [math.nan], CLOSE) is not None


def test_a_skeleton_that_no_worker_wrote_is_a_difference_and_no_defect() -> None:
    good = written([1, {"a": 2.0}])
    for text in (b"", b"[]", b'["list"]', b'["dict", 3]', b'["array","list","float64",[9],"x",""]'):
        actual = difference(good, Value(text, {}))
        assert actual is not None


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(PLAIN, PLAIN)
def test_values_differ_exactly_where_what_is_written_differs(one: object, other: object) -> None:
    assert compared(one, copy.deepcopy(one)) is None
    assert (compared(one, other) is None) == (encode(one) == encode(other))


def test_the_writer_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; from patcher.worker.values import encode; encode([1, {'a': 2.0}]); "
        "print(sorted({'numpy', 'torch', 'pandas', 'click', 'libcst', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_long_texts_are_shown_from_where_they_part() -> None:
    long = "a" * 500
    result = compared(long + "b", long + "c")
    assert result is not None
    near = "a" * 30
    assert result.message == (
        f"is ...'{near}c', on the baseline ...'{near}b'; they part at character 501"
    )
