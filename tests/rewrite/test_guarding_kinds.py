"""Every kind of function that can be guarded is chosen at run time; the others are refused."""

from __future__ import annotations

import asyncio
import importlib
import random
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import Guard
from patcher.patchfile.reader import read_spec
from patcher.rewrite.guarding.guard import Member, replay_guarded

PATCH = read_spec(
    "patch: p\nsummary: s\ntarget: kinds\nequivalence: bitwise\nedits:\n"
    "  - {file: kinds/m.py, match: mark(1), with: mark(2)}\n",
    "p.yaml",
)
MARK = "def mark(x):\n    return x\n\n\n"
GUARDED = {
    "a function": ("def f():\n    return mark(1)\n", "f()"),
    "a function on one line": ("def f(): return mark(1)\n", "f()"),
    "a method": ("class A:\n    def f(self):\n        return mark(1)\n", "A().f()"),
    "a private method": (
        "class A:\n    def __f(self):\n        return mark(1)\n"
        "    def g(self):\n        return self.__f()\n",
        "A().g()",
    ),
    "a static method": (
        "class A:\n    @staticmethod\n    def f():\n        return mark(1)\n",
        "A.f() + A().f() - A.f()",
    ),
    "a property": ("class A:\n    @property\n    def f(self):\n        return mark(1)\n", "A().f"),
    "a setter": (
        "class A:\n    @property\n    def f(self):\n        return self.x\n"
        "    @f.setter\n    def f(self, value):\n        self.x = mark(1) + value\n",
        "(a := A(), setattr(a, 'f', 0), a.f)[-1]",
    ),
    "a method that calls super()": (
        "class B:\n    def f(self):\n        return 0\n"
        "class A(B):\n    def f(self):\n        return super().f() + mark(1)\n",
        "A().f()",
    ),
    "a method of a nested class": (
        "class O:\n    class A:\n        def f(self):\n            return mark(1)\n",
        "O.A().f()",
    ),
    "a special method": (
        "class A:\n    def __len__(self):\n        return mark(1)\n    alias = __len__\n",
        "len(A()) + A().alias() - len(A())",
    ),
    "a method of a data class": (
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass A:\n    x: int = 0\n"
        "    def f(self):\n        return self.x + mark(1)\n",
        "A().f() + len(dataclasses.fields(A)) - 1",
    ),
    "a method beside __slots__": (
        "class A:\n    __slots__ = ('x',)\n    def f(self):\n        return mark(1)\n",
        "A().f() + hasattr(A(), '__dict__')",
    ),
    "a method of an enumeration": (
        "import enum\nclass A(enum.Enum):\n    X = 0\n    def f(self):\n"
        "        return self.value + mark(1)\n",
        "A.X.f() + len(A) - 1",
    ),
    "an abstract method": (
        "import abc\nclass B(abc.ABC):\n    @abc.abstractmethod\n    def f(self):\n"
        "        return mark(1)\nclass A(B):\n    def f(self):\n        return super().f()\n",
        "A().f() if B.__abstractmethods__ else 0",
    ),
    "a function in a function": (
        "def f():\n    count = 0\n    def g():\n        nonlocal count\n"
        "        count += mark(1)\n    g()\n    return count\n",
        "f()",
    ),
    "a decorated function": (
        "import functools\ndef twice(g):\n    @functools.wraps(g)\n    def h(x):\n"
        "        return g(x) * 10\n    return h\n"
        "@twice\ndef f(x=0):\n    return x + mark(1)\n",
        "f(0) // 10",
    ),
    "a context manager": (
        "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield mark(1)\n",
        "contextlib.ExitStack().enter_context(f())",
    ),
    "a generator": ("def f():\n    yield mark(1)\n", "next(f())"),
    "functions that call each other": (
        "def even(n):\n    return odd(n - 1) if n else mark(1)\n"
        "def odd(n):\n    return even(n - 1)\n",
        "even(4)",
    ),
    "a default": ("def f(x=mark(1)):\n    return x\n", "f()"),
    "a function below an if": ("if True:\n    def f():\n        return mark(1)\n", "f()"),
}
REFUSED = {
    "a constructor": (
        "class A:\n    def __init__(self):\n        self.x = mark(1)\n",
        "A.__init__: it makes objects, which outlive the choice",
    ),
    "a class method": (
        "class A:\n    @classmethod\n    def f(cls):\n        return mark(1)\n",
        "A.f: it is a class method",
    ),
    "a function whose results are kept": (
        "import functools\n@functools.lru_cache(None)\ndef f():\n    return mark(1)\n",
        "f: its results are kept by @functools.lru_cache(None)",
    ),
    "a function that is kept elsewhere": (
        "import functools\n@functools.singledispatch\ndef f(x):\n    return 0\n"
        "@f.register(int)\ndef g(x):\n    return mark(1)\n",
        "g: @f.register(int) keeps it where it cannot be chosen",
    ),
    "a function that is compiled": (
        "import numba\n@numba.njit\ndef f():\n    return mark(1)\n",
        "f: @numba.njit keeps it where it cannot be chosen",
    ),
    "an asynchronous generator": (
        "async def f():\n    yield mark(1)\n",
        "f: it is an asynchronous generator",
    ),
    "a value of the module": ("x = mark(1)\n", "changes what runs when kinds/m.py is imported"),
    "a lambda": ("f = lambda: mark(1)\n", "changes what runs when kinds/m.py is imported"),
    "a function defined twice": (
        "def f():\n    return 0\ng = f\ndef f():\n    return mark(1)\n",
        "f: it is defined in several places",
    ),
}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import a source with the patch guarded in it, and the runtime beside it."""

    def loaded(source: str, *entries: str, **guard: Any) -> tuple[ModuleType, ModuleType]:
        files: dict[str, bytes | None] = {"kinds/__init__.py": b""}
        files |= written(source, *entries, **guard)
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_bytes(content or b"")
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module("kinds.m"), importlib.import_module("kinds._patcher_guard")

    yield loaded
    for name in [name for name in sys.modules if name.partition(".")[0] == "kinds"]:
        del sys.modules[name]


def written(source: str, *entries: str, **guard: Any) -> dict[str, bytes | None]:
    files = {"kinds/m.py": (MARK + source).encode()}
    named = tuple(f"kinds/m.py::{entry}" for entry in entries)
    return replay_guarded(files.get, [Member(PATCH, Guard(entry_points=named, **guard))])


@pytest.mark.parametrize("kind", GUARDED)
def test_it_is_chosen_at_run_time(load: Any, kind: str) -> None:
    source, expression = GUARDED[kind]
    module, runtime = load(source)
    assert eval(expression, vars(module)) == 2
    with runtime.use("p", False):
        assert eval(expression, vars(module)) == 1
    assert eval(expression, vars(module)) == 2
    assert not [name for name in vars(module) if "original" in name]


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_with_the_reason(kind: str) -> None:
    source, reason = REFUSED[kind]
    with pytest.raises(PatcherError) as raised:
        written(source)
    assert raised.value.code == "cannot-guard"
    assert reason in raised.value.message


def test_coroutines_of_two_tasks_keep_their_kinds(load: Any) -> None:
    source = (
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return mark(1)\n"
        "async def g():\n    return [await f(), await f()]\ndef h():\n    return g()\n"
    )
    module, runtime = load(source, "g", "h")

    async def both() -> list[Any]:
        first = asyncio.ensure_future(module.g())
        await asyncio.sleep(0)
        runtime.disable("p")
        return await asyncio.gather(first, module.g())

    assert asyncio.run(both()) == [[2, 2], [1, 1]]
    coroutine = module.h()  # begun by a plain function, it is of the kind that call was
    runtime.enable("p")
    assert asyncio.run(coroutine) == [1, 1]


def test_two_utterances_at_once_are_each_of_one_kind(load: Any) -> None:
    source = (
        "def f():\n    return mark(1)\ndef g(wait):\n    x = f()\n    wait()\n    return x, f()\n"
    )
    module, runtime = load(source, "g", rollout=50)
    barrier = threading.Barrier(2, timeout=30)
    with ThreadPoolExecutor(2) as pool:
        pairs = [list(pool.map(module.g, [barrier.wait] * 2)) for _ in range(40)]
    results = [each for pair in pairs for each in pair]
    assert set(results) == {(1, 1), (2, 2)}
    counts = runtime.counters()["p"]
    assert (counts["patched"], counts["original"]) == (results.count((2, 2)), results.count((1, 1)))


@pytest.mark.parametrize("rollout", [0, 1, 50, 100])
def test_a_share_of_the_calls_is_patched(load: Any, rollout: int) -> None:
    module, runtime = load("def f():\n    return mark(1)\n", rollout=rollout)
    runtime._share.seed(1)
    patched = [module.f() for _ in range(2000)].count(2)
    assert abs(patched - 20 * rollout) <= (0 if rollout in (0, 100) else 90)
    assert runtime.counters()["p"]["patched"] == patched


def test_numbers_that_a_failed_call_drew_are_put_back(load: Any) -> None:
    module, runtime = load("def f():\n    return 0 * mark(1)\n", fallback=True)

    def draw(kind: int) -> int:
        if kind == 2:
            random.gauss(0, 1), np.random.normal(), np.random.random(5)
            raise ValueError
        return kind

    module.mark = draw
    np.random.normal()  # another one is held ready now
    for _ in range(2):  # NumPy's state is kept from the call before where nothing was drawn since
        runtime.enable("p")
        before = random.getstate(), np.random.get_state(legacy=False)
        assert module.f() == 0
        after = random.getstate(), np.random.get_state(legacy=False)
        np.testing.assert_equal(after, before)
        np.random.normal()


def test_a_generator_of_a_class_of_its_own_that_was_passed_is_put_back(load: Any) -> None:
    class Dice(random.Random):
        pass

    module, runtime = load("def f(dice):\n    return dice.random(), mark(1)\n", fallback=True)
    module.mark = lambda kind: 1 // (2 - kind)
    assert module.f(Dice(3)) == (Dice(3).random(), 1)
    assert runtime.counters()["p"]["fallbacks"] == 1


def test_attributes_that_a_failed_call_bound_are_as_they_were(load: Any) -> None:
    source = (
        "class A:\n    count = 0\n    def f(self):\n"
        "        self.count += 1\n        self.made = mark(1)\n        return self.count\n"
    )
    module, runtime = load(source, fallback=True)
    module.mark = lambda kind: 1 // (2 - kind)
    voice = module.A()
    voice.f()
    assert vars(voice) == {"count": 1, "made": 1}
    assert runtime.counters()["p"]["fallbacks"] == 1


def test_an_entry_point_that_is_an_asynchronous_generator_is_refused() -> None:
    source = "def f():\n    return mark(1)\nasync def g():\n    yield f()\n"
    with pytest.raises(PatcherError, match="g is an asynchronous generator"):
        written(source, "g")
