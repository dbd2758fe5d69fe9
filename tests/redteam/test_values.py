"""Answers that look like the right one and are not: of another type, in other bits, or lazy.

Every answer is a function of its own in a small `call` workload; one verification judges them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.targets.workloads import judged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IMPORTS = """import random
import array, collections, dataclasses, datetime, decimal, enum, fractions, functools, struct
import numpy


class AlwaysEqual(list):
    def __eq__(self, other):
        return True
    __hash__ = None


class Held:
    def __init__(self, value):
        self.value = value
    def __eq__(self, other):
        return True
    __hash__ = None


class Text(str):
    pass


class Number(float):
    pass


class Matrix(numpy.ndarray):
    pass


class Kind(enum.IntEnum):
    ONE = 1


Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Song:
    name: str

    def beside(self, notes):
        self.notes = notes
        return self


def nan(payload):
    return struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000 | payload))[0]


def noon(zone=None):
    return datetime.datetime(2026, 1, 1, 12, tzinfo=zone)

"""
# What the package returns, and what the patch makes of it.
WRONG: Mapping[str, tuple[str, str]] = {
    "minus zero": ("0.0", "-0.0"),
    "minus zero in a long list": ("[0.0] * 40", "[0.0] * 39 + [-0.0]"),
    "minus zero in an array": ("numpy.zeros(3)", "-numpy.zeros(3)"),
    "another NaN": ("nan(0)", "nan(7)"),
    "another NaN in an array": ("numpy.array([nan(0)])", "numpy.array([nan(7)])"),
    "the next double": ("0.1 + 0.2", "0.3"),
    "an integer for a float": ("1.0", "1"),
    "a truth for an integer": ("1", "True"),
    "an enum for an integer": ("1", "Kind.ONE"),
    "a text for a number": ("1", "'1'"),
    "beyond 64 bits": ("2**70", "2**70 + 1"),
    "a tuple for a list": ("[1, 2]", "(1, 2)"),
    "a named tuple for a tuple": ("(1, 2)", "Pair(1, 2)"),
    "bytes that can change": ("b'ab'", "bytearray(b'ab')"),
    "a view of bytes": ("b'ab'", "memoryview(b'ab')"),
    "a frozen set": ("{1, 2}", "frozenset((1, 2))"),
    "a list that equals everything": ("[1, 2]", "AlwaysEqual([1, 2])"),
    "one list that equals everything, another inside": (
        "AlwaysEqual([1, 2])", "AlwaysEqual([2, 1])"),
    "an object that equals everything": ("Held(1)", "Held(2)"),
    "a subclass of text": ("'ab'", "Text('ab')"),
    "a subclass of float": ("0.5", "Number(0.5)"),
    "an ordered dictionary": ("{'a': 1}", "collections.OrderedDict(a=1)"),
    "a dictionary with a default": ("{'a': 1}", "collections.defaultdict(int, a=1)"),
    "keys in another order": ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
    "keys of another type": ("{1: 1}", "{True: 1}"),
    "nothing for an empty list": ("[]", "None"),
    "the error, returned": ("[1]", "ValueError(1)"),
    "a generator": ("[1, 2]", "(x for x in (1, 2))"),
    "a map": ("[1, 2]", "map(int, '12')"),
    "a function of the answer": ("[1]", "functools.partial(list, [1])"),
    "a range": ("[0, 1]", "range(2)"),
    "its end cut off": ("'a b c'", "'a b'"),
    "a blank at its end": ("'a b'", "'a b '"),
    "another line end": ("'a\\nb'", "'a\\r\\nb'"),
    "a letter in two parts": ("'\\u00e9'", "'e\\u0301'"),
    "a letter that looks the same": ("'a'", "'\\u0430'"),
    "another precision of a decimal": ("decimal.Decimal('1.0')", "decimal.Decimal('1.00')"),
    "a fraction for a float": ("0.5", "fractions.Fraction(1, 2)"),
    "a time without its zone": ("noon(datetime.timezone.utc)", "noon()"),
    "a field": ("Song('a')", "Song('b')"),
    "an attribute beside the fields": ("Song('a').beside(1)", "Song('a').beside(2)"),
    "half the precision": ("numpy.ones(3)", "numpy.ones(3, 'f4')"),
    "integers for floats": ("numpy.ones(3)", "numpy.ones(3, 'i8')"),
    "signs dropped from a type": ("numpy.ones(3, 'i4')", "numpy.ones(3, 'u4')"),
    "another shape": ("numpy.ones(3)", "numpy.ones((3, 1))"),
    "an array of objects": ("numpy.ones(2)", "numpy.array([1.0, 1.0], object)"),
    "a scalar of the library": ("0.5", "numpy.float64(0.5)"),
    "an array with no dimension": ("numpy.float64(0.5)", "numpy.array(0.5)"),
    "a masked array": ("numpy.ones(2)", "numpy.ma.masked_array(numpy.ones(2))"),
    "another mask": ("numpy.ma.masked_array([1, 2], [0, 1])",
                     "numpy.ma.masked_array([1, 2], [1, 0])"),
    "a subclass of an array": ("numpy.ones(2)", "numpy.ones(2).view(Matrix)"),
    "bytes the other way round": ("numpy.ones(2)", "numpy.ones(2, '>f8')"),
    "an array that cannot be written to": ("numpy.ones(2)", "numpy.broadcast_to(1.0, 2)"),
    "an array of the library of the language": ("[1, 2]", "array.array('q', [1, 2])"),
    "one row three times": ("[[0], [0], [0]]", "[[0]] * 3"),
    "a row that the caller may change, copied": ("[[0]] * 2", "[[0], [0]]"),
    "one array twice": ("[numpy.ones(2), numpy.ones(2)]", "[numpy.ones(2)] * 2"),
    "one record twice": ("[Song('a'), Song('a')]", "[Song('a')] * 2"),
    "another row twice": ("(lambda a, b: [a, b, a])([1], [1])",
                          "(lambda a, b: [a, b, b])([1], [1])"),
}  # fmt: skip
# The same answer, come by in another way.
RIGHT: Mapping[str, tuple[str, str]] = {
    "another expression": ("[1, 2]", "list(range(1, 3))"),
    "a number of the same bits": ("0.5", "1 / 2"),
    "an array made otherwise": ("numpy.ones(3)", "numpy.full(3, 1.0)"),
    "an array in columns": ("numpy.ones((2, 3))", "numpy.ones((2, 3), order='F')"),
    "a view with steps": ("numpy.ones(3)", "numpy.ones(6)[::2]"),
    "a set filled in another order": ("{1, 2, 300}", "{300, 2, 1}"),
    "an object with the same content": ("Held([1])", "Held([*(1,)])"),
    "a dictionary made by comprehension": ("{'a': 1}", "{k: 1 for k in 'a'}"),
    "joined text": ("'a b'", "' '.join('ab')"),
    "a local function": ("[2, 4]", "(lambda f: [f(1), f(2)])(lambda x: 2 * x)"),
    "in place, in its own list": ("[1, 2]", "sorted([2, 1])"),
    "equal texts that are one object": ("['a' * 9, 'a' * 9]", "['a' * 9] * 2"),
    "equal tuples that are one object": ("[(1, 2), (1, 2)]", "[(1, 2)] * 2"),
    "rows shared in the same places": ("[[0]] * 2", "(lambda row: [row, row])([0])"),
}


def judged_answers(
    folder: Path, pairs: Mapping[str, tuple[str, str]], helpers: str = "", **options: Any
) -> Mapping[str, str]:
    """The verdict on each answer, by name, of one verification of them all."""
    calls = [
        f"def answer_{at}():\n    return hum.voice.answer_{at}()\n" for at in range(len(pairs))
    ]
    (folder / "bench.py").write_text("import hum.voice\n" + "".join(calls))
    before = after = IMPORTS + helpers
    for at, (each, other) in enumerate(pairs.values()):
        before += f"\ndef answer_{at}():\n    return {each}\n"
        after += f"\ndef answer_{at}():\n    return {other}\n"
    config = {"call": [f"bench.py:answer_{at}" for at in range(len(pairs))]}
    baseline = (("import random\n", before),)
    actual = judged(folder, config, (before, after), baseline=baseline, **options)
    cases = {case.case.test: case for case in actual.cases}
    return {name: cases[f"answer_{at}"].status.value for at, name in enumerate(pairs)}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The verdict on each answer."""
    return judged_answers(tmp_path_factory.mktemp("values"), {**WRONG, **RIGHT})


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_that_only_looks_right_is_refused(name: str, verdicts: Mapping[str, str]) -> None:
    assert verdicts[name] == "fail"


@pytest.mark.parametrize("name", RIGHT)
def test_the_same_answer_passes(name: str, verdicts: Mapping[str, str]) -> None:
    assert verdicts[name] == "pass"
