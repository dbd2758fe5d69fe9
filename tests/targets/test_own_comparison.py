"""``compare = "bench.py:same"``: the user's own function says whether two values count as equal."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import uuid
from pathlib import Path
from typing import Any

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import Equivalence
from patcher.targets import find_adapter
from patcher.verify.judge import judge
from patcher.verify.judgement import Judgement, Verdict
from patcher.worker.decoding import CannotDecode, decode, names_in
from patcher.worker.predicates import compare, read
from patcher.worker.values import encode
from tests.verify.judging import Change, request

WORKLOAD = """
import hum.voice

class Song:
    def __init__(self, rounds):
        self.rounds = rounds

def work():
    return hum.voice.work() if hasattr(hum.voice, "work") else Song(hum.voice.ROUNDS)

{same}
"""
NEAR = "def same(one, other):\n    return abs(one.rounds - other.rounds) < 1\n"
CONFIG = {"call": "bench.py:work", "compare": "bench.py:same"}
CLOSER = ("ROUNDS = 2", "ROUNDS = 2.5")
FURTHER = ("ROUNDS = 2", "ROUNDS = 3")


def judged(folder: Path, same: str, *changes: Change) -> Judgement:
    """Judge the small target by a workload whose own function compares."""
    (folder / "bench.py").write_text(WORKLOAD.format(same=same))
    adapter = find_adapter("hum", CONFIG, root=folder, packages=("hum",))
    assert adapter is not None
    options: dict[str, Any] = {"adapter": adapter, "matrix": adapter.matrix(CONFIG)}
    options["equivalence"] = Equivalence.CLOSE  # as a request of the command has it
    return judge(request(folder, *changes, sys_path=(), **options))


def test_values_that_differ_pass_where_the_users_function_counts_them_as_equal(
    tmp_path: Path,
) -> None:
    actual = judged(tmp_path, NEAR, CLOSER)
    assert actual.verdict is Verdict.PASS
    assert actual.gate == "close"
    assert "values that differ were judged by bench.py:same" in " ".join(actual.warnings)


def test_values_fail_with_what_the_users_function_says_of_them(tmp_path: Path) -> None:
    same = f'{NEAR[:-4]}< 1, f"{{other.rounds}} rounds"\n'
    actual = judged(tmp_path, same, FURTHER)
    assert actual.verdict is Verdict.FAIL
    assert actual.cases[0].error == "bench.py:same: 3 rounds"


LIBRARIES = {
    "torch": (
        "import torch\ndef work():\n    return {'t': torch.ones(3) * hum.voice.ROUNDS}\n",
        "def same(one, other):\n"
        "    import torch\n    return torch.allclose(one['t'], other['t'], atol={})",
    ),
    "pandas": (
        "import pandas\ndef work():\n"
        "    return pandas.DataFrame({'a': [hum.voice.ROUNDS, 1.5], 'b': ['x', 'y']})\n",
        "def same(one, other):\n    return list(other.b) == ['x', 'y'] and "
        "float((one.a - other.a).abs().max()) <= {}",
    ),
}


@pytest.mark.slow  # workers that import torch and pandas
@pytest.mark.parametrize("library", LIBRARIES)
def test_tensors_and_frames_are_given_to_the_users_function_as_what_they_are(
    tmp_path: Path, library: str
) -> None:
    pytest.importorskip(library)
    work, same = LIBRARIES[library]
    (tmp_path / "bench.py").write_text(f"import hum.voice\n{work}\n{same.format(0.6)}\n")
    adapter = find_adapter("hum", CONFIG, root=tmp_path, packages=("hum",))
    assert adapter is not None
    options: dict[str, Any] = {"adapter": adapter, "matrix": adapter.matrix(CONFIG)}
    options |= {"equivalence": Equivalence.CLOSE, "sys_path": ()}
    near = judge(request(tmp_path, CLOSER, **options))
    assert near.verdict is Verdict.PASS, near.cases[0].error
    assert near.gate == "close"
    far = judge(request(tmp_path, FURTHER, **options))
    assert far.verdict is Verdict.FAIL
    assert far.cases[0].error == "bench.py:same: they do not count as equal"


# A patched arm returns what it likes: each of these would be equal to anything, or do harm.
HOSTILE = {
    "an object that runs a command": (
        "import os\nclass Bomb:\n    def __reduce__(self):\n"
        "        return os.system, ('touch {mark}',)\n",
        "posix.system",
    ),
    "an object that is equal to everything": (
        "from unittest.mock import ANY as Bomb\nBomb = type(Bomb)\n",
        "unittest.mock._ANY",
    ),
    "an object of a class of the patched tree": (
        "class Bomb:\n    def __sub__(self, other): return 0\n",
        "hum.voice.Bomb",
    ),
}


@pytest.mark.parametrize(
    "kind",
    [next(iter(HOSTILE)), *(pytest.param(k, marks=pytest.mark.slow) for k in [*HOSTILE][1:])],
)
def test_what_a_patched_arm_returns_is_put_together_of_the_baselines_types_alone(
    tmp_path: Path, kind: str
) -> None:
    code, named = HOSTILE[kind]
    mark = tmp_path / "mark"
    bomb = f"ROUNDS = 2\n{code.format(mark=mark)}\ndef work():\n    return Bomb()\n"
    actual = judged(tmp_path, "def same(one, other):\n    return True\n", ("ROUNDS = 2", bomb))
    assert actual.verdict is Verdict.FAIL
    assert f"it holds {named}, which the baseline's value does not" in str(actual.cases[0].error)
    assert not mark.exists()


WRITES = """
def same(one, other):
    import os, sys
    places = [{home!r}, os.path.dirname(hum.voice.__file__), os.path.dirname(__file__)]
    written = []
    for place in places:
        try:
            open(os.path.join(place, "written"), "w").close()
            written.append(place)
        except OSError:
            pass
    import urllib.request
    try:
        urllib.request.urlopen("http://127.0.0.1:9", timeout=2)
    except OSError:
        pass
    return not written and hum.voice.ROUNDS == 2, f"{{written}} {{hum.voice.ROUNDS}}"
"""


def test_the_function_runs_behind_the_guards_on_the_pristine_tree(tmp_path: Path) -> None:
    actual = judged(tmp_path, WRITES.format(home=str(tmp_path)), CLOSER)
    assert actual.verdict is Verdict.PASS, actual.cases[0].error
    assert not list(tmp_path.rglob("written"))


BROKEN = {
    "raises": ("def same(one, other):\n    return one.x\n", "AttributeError: 'int' object"),
    "returns nothing": ("def same(one, other):\n    pass\n", "it returned NoneType"),
    "exits": ("def same(one, other):\n    raise SystemExit(0)\n", "SystemExit: 0"),
    "counts nothing as equal": (
        "def same(one, other):\n    return 'no'\n",
        "it does not count a value as equal to itself: no",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_function_that_gives_no_answer_is_at_fault_itself(tmp_path: Path, kind: str) -> None:
    same, message = BROKEN[kind]
    (tmp_path / "own.py").write_text(same)
    one, other = (encode(value)["returned"] for value in (1, 2))
    buffers = {
        f"{arm}/returned": (each.dtype, each.shape, each.data)
        for arm, each in (("baseline", one), ("patched", other))
    }
    actual = compare(str(tmp_path), "own.py:same", (), buffers)
    assert actual["verdict"] == "broken"
    assert message in actual["text"]
    assert kind != "raises" or actual["where"] == f"{tmp_path / 'own.py'}:2"


def test_an_error_in_it_is_one_of_the_settings_and_no_verdict_about_the_patch(
    tmp_path: Path,
) -> None:
    with pytest.raises(PatcherError) as caught:
        judged(tmp_path, "def same(one, other):\n    return one.x\n", CLOSER)
    assert caught.value.code == "config"
    assert "AttributeError: 'Song' object has no attribute 'x'" in caught.value.message
    assert str(caught.value.where).startswith(str(tmp_path / "bench.py:"))


@pytest.mark.slow
def test_a_function_that_ends_its_process_is_an_error_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(PatcherError, match="exited with status 0"):
        judged(tmp_path, "import os\ndef same(one, other):\n    os._exit(0)\n", CLOSER)


# values, put together again


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: list[float]


Pair = collections.namedtuple("Pair", "one other")


class Slotted:
    __slots__ = ("a",)

    def __init__(self) -> None:
        self.a = 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slotted) and self.a == other.a

    __hash__ = None  # type: ignore[assignment]


VALUES: list[Any] = [
    None, True, -5, 1 << 1200, 0.5, 1 + 2j, "text", b"bytes", bytearray(b"b"),
    [1, [2.5, "x"]], (1, 2), {"a": {1: 2}}, {1, 2}, frozenset({"x"}),
    list(range(40)), tuple(n / 3 for n in range(40)),
    Point(1, [2.0]), Pair(1, "x"), Colour.RED, Slotted(), len, Path,
    datetime.datetime(2024, 2, 3, tzinfo=datetime.timezone.utc), datetime.timedelta(seconds=-3),
    decimal.Decimal("1.50"), fractions.Fraction(1, 3), range(1, 9, 2),
    uuid.UUID(int=5), collections.OrderedDict(a=1), collections.deque([1, 2], 3),
    collections.Counter("aab"), collections.defaultdict(list, {1: [2]}), Path("/a/b"),
]  # fmt: skip


def again(value: Any, allowed: frozenset[str] | None = None) -> Any:
    """A value, written down and put together again."""
    skeleton, *arrays = encode(value).items()
    data = skeleton[1].data
    given = {name: (one.dtype, one.shape, one.data) for name, one in arrays}
    return decode(data, given, names_in(data) if allowed is None else allowed)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    back = again(value)
    assert type(back) is type(value)
    assert back == value


def test_an_exception_comes_back_with_its_arguments() -> None:
    back = again(OSError(2, "no such file"))
    assert type(back) is FileNotFoundError
    assert back.args == (2, "no such file")


def test_arrays_and_frames_come_back_with_their_types() -> None:
    numpy: Any = pytest.importorskip("numpy")
    arrays = [
        numpy.arange(6, dtype="int16").reshape(2, 3),
        numpy.array(["a", "bcd"]),
        numpy.array(3.5, dtype="float32")[()],
        numpy.array([1, 2], dtype=">u4"),
        numpy.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")]),
        numpy.array([None, "x"], dtype=object),
        numpy.ma.array([1, 2], mask=[True, False]),
    ]
    for each in arrays:
        back = again(each)
        assert type(back) is type(each)
        assert back.dtype == each.dtype
        assert numpy.array_equal(numpy.ma.filled(back, 0), numpy.ma.filled(each, 0))


@pytest.mark.parametrize(
    "skeleton",
    [
        ["object", "os.system", [["str", "exit 1"]], [], [], [], "call"],
        ["object", "eval", [["str", "1"]], [], [], [], "call"],
        ["name", "sys.modules"],
        ["text", "datetime.date", "__import__('os').getpid()"],
        ["text", "datetime.date", "date(*[1])"],
        ["array", "ndarray", "float64", [3], "elsewhere", ""],
        ["array", "ndarray", "object", [1], "returned", ""],
        ["nonsense"],
        ["node", ["none"]],
        ["cycle", "returned"],
        [],
        "text",
        {"a": 1},
    ],
)
def test_a_skeleton_that_nobody_wrote_is_refused(skeleton: Any) -> None:
    data = json.dumps(skeleton).encode()
    allowed = names_in(json.dumps(["text", "datetime.date", ""]).encode())
    with pytest.raises(CannotDecode):
        decode(data, {"returned": ("float64", (1,), bytes(8))}, allowed)


def test_nothing_is_made_with_a_function_of_the_system_even_where_the_baseline_names_it() -> None:
    for maker in ("os.system", "eval", "builtins.exec", "subprocess.call"):
        data = json.dumps(["object", maker, [["str", "1"]], [], [], [], "call"]).encode()
        with pytest.raises(CannotDecode, match="no value is made with"):
            decode(data, {}, names_in(data))


def test_another_member_of_a_known_enum_is_a_value_like_the_baselines() -> None:
    known = frozenset({f"{__name__}.Colour.RED"})
    assert again(Colour.BLUE, known) is Colour.BLUE


def test_the_answer_is_a_bool_a_message_or_both() -> None:
    assert [read(True), read(""), read((True, "x"))] == [None, None, None]
    assert [read(False), read("off by 3"), read((False, "off"))] == ["", "off by 3", "off"]
    for wrong in (None, 1, (True,), math.pi):
        with pytest.raises(TypeError, match="must return a bool, a message, or"):
            read(wrong)
