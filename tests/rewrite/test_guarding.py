"""Guarded patches: the original stays beside the patched code, and a call is of one kind."""

from __future__ import annotations

import importlib.util
import itertools
import logging
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import Guard, Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.guarding.guard import Member, replay_guarded
from patcher.rewrite.replay import replay

SOURCE = '''\
"""Docstring."""
from __future__ import annotations

import functools
import random


def helper(x):
    return x + 1


class Base:
    def scale(self):
        return 10


class Voice(Base):
    rate = 2

    @property
    def pitch(self):
        return 1

    @pitch.setter
    def pitch(self, value):
        self._pitch = value

    def scale(self):
        return super().scale() + 1

    @staticmethod
    def fixed():
        return "old"

    def speak(self, text, bag=None):
        def inner(part):
            return part.lower()
        if bag is not None:
            bag.append(text)
        return [inner(text), self.scale(), self.pitch, self.fixed(), helper(1), random.random()]

    def stream(self, parts):
        for part in parts:
            yield part, self.scale(), helper(part)

    @classmethod
    def load(cls):
        return cls()
'''
EDITS = {
    "helper": "within: helper, match: x + 1, with: x + 100",
    "scale": "within: Voice.scale, match: super().scale() + 1, with: super().scale() + 2",
    "pitch": "within: Voice, match: return 1, with: return 3",
    "fixed": "within: Voice.fixed, match: '\"old\"', with: '\"new\"'",
    "inner": "within: Voice.speak, match: part.lower(), with: part.upper()",
    "load": "within: Voice.load, match: cls(), with: cls.__new__(cls)",
    "rate": "within: Voice, match: rate = 2, with: rate = 3",
    "broken": "within: Voice.scale, match: super().scale() + 1, with: 1 / 0",
}
ENTRIES = ("pkg/m.py::Voice.speak", "pkg/m.py::Voice.stream")
OLD = ["hi", 11, 1, "old", 2]
NEW = ["HI", 12, 3, "new", 101]


def patch(name: str, *edits: str) -> Patch:
    listed = "".join(f"  - {{file: pkg/m.py, {EDITS[edit]}}}\n" for edit in edits or (name,))
    head = f"patch: {name}\nsummary: s\ntarget: pkg\nequivalence: bitwise\nedits:\n"
    return read_spec(head + listed, f"{name}.yaml")


ALL = patch("all_of_it", "helper", "scale", "pitch", "fixed", "inner")
FILES = {"pkg/m.py": SOURCE.encode(), "pkg/__init__.py": b""}
_names = itertools.count()


def written(*members: Member, source: str = SOURCE) -> dict[str, bytes]:
    return replay_guarded({**FILES, "pkg/m.py": source.encode()}.get, members)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import ``pkg.m`` from the files, with the environment as the keywords say."""

    def loaded(files: Mapping[str, bytes], **environ: str) -> tuple[ModuleType, ModuleType]:
        for name in ("PATCHER_ENABLE", "PATCHER_DISABLE", "PATCHER_FALLBACK"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        root = tmp_path / str(next(_names))
        for path, content in {**FILES, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        for name in [name for name in sys.modules if name.partition(".")[0] == "pkg"]:
            del sys.modules[name]
        monkeypatch.syspath_prepend(str(root))
        module = importlib.import_module("pkg.m")
        return module, importlib.import_module("pkg._patcher_guard")

    yield loaded
    for name in [name for name in sys.modules if name.partition(".")[0] == "pkg"]:
        del sys.modules[name]


def guarded(each: Patch, fallback: bool = False, rollout: int = 100) -> Member:
    return Member(each, Guard(fallback, rollout, ENTRIES))


def speak(module: ModuleType) -> list[Any]:
    return list(module.Voice().speak("hi")[:5])


def test_what_python_warns_of_in_a_target_is_not_passed_on() -> None:
    edit = "- file: m.py\n  match: old(1)\n  with: new(1)\n"
    text = f"patch: p\nsummary: s\ntarget: pkg\nequivalence: bitwise\nedits:\n{edit}"
    source = b"a = '\\d'\n\n\ndef f():\n    return old(1), '\\d'\n"
    member = Member(read_spec(text, "patches/p.yaml"), Guard())
    written = replay_guarded({"m.py": source}.get, [member])["m.py"]
    assert b"new(1)" in (written or b"")


def test_without_a_guard_the_files_are_those_of_replay() -> None:
    assert written(Member(ALL)) == replay(FILES.get, [ALL])


def test_both_kinds_of_code_are_there_and_the_patched_one_runs(
    load: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module, runtime = load(written(guarded(ALL)))
    assert speak(module) == NEW
    with runtime.use("all_of_it", False):
        assert speak(module) == OLD
    assert speak(module) == NEW
    assert runtime.counters()["all_of_it"] == {"patched": 2, "original": 1, "fallbacks": 0}
    with caplog.at_level(logging.INFO, logger="patcher.guard"):
        runtime.log_counters()
    assert caplog.messages == ["patch all_of_it: 2 calls patched, 1 original, 0 fallbacks"]


@pytest.mark.parametrize(
    ("environ", "result"),
    [
        ({"PATCHER_DISABLE": "all_of_it"}, OLD),
        ({"PATCHER_DISABLE": "all"}, OLD),
        ({"PATCHER_DISABLE": "another"}, NEW),
        ({"PATCHER_ENABLE": "all_of_it", "PATCHER_DISABLE": "all_of_it"}, OLD),
    ],
)
def test_the_environment_switches_a_patch(
    load: Any, environ: dict[str, str], result: list[Any]
) -> None:
    module, _ = load(written(guarded(ALL)), **environ)
    assert speak(module) == result


def test_a_call_of_an_entry_point_is_of_one_kind_throughout(load: Any) -> None:
    module, runtime = load(written(guarded(ALL, rollout=50)))
    results = [tuple(speak(module)) for _ in range(60)]
    assert set(results) == {tuple(OLD), tuple(NEW)}
    counts = runtime.counters()["all_of_it"]
    assert counts["patched"] == results.count(tuple(NEW))


def test_a_generator_stays_of_the_kind_it_began_with(load: Any) -> None:
    module, runtime = load(written(guarded(ALL)))
    stream = module.Voice().stream(iter([1, 2, 3]))
    first = next(stream)
    runtime.disable("all_of_it")
    assert [first, *stream] == [(1, 12, 101), (2, 12, 102), (3, 12, 103)]
    assert list(module.Voice().stream([1])) == [(1, 11, 2)]


def test_nothing_is_rolled_out_at_0_percent_but_where_it_is_enabled(load: Any) -> None:
    files = written(guarded(ALL, rollout=0))
    assert speak(load(files)[0]) == OLD
    assert speak(load(files, PATCHER_ENABLE="all")[0]) == NEW


def test_switching_draws_no_random_number_of_the_target(load: Any) -> None:
    module, _ = load(written(guarded(ALL, rollout=50)))
    random.seed(5)
    drawn = [module.Voice().speak("hi")[5] for _ in range(20)]
    random.seed(5)
    assert drawn == [random.random() for _ in range(20)]


def test_patches_that_change_one_function_are_switched_together(load: Any) -> None:
    lower = patch("inner")
    deeper = read_spec(
        "patch: deeper\nsummary: s\ntarget: pkg\nequivalence: bitwise\nedits:\n"
        "  - {file: pkg/m.py, within: Voice.speak, match: part.upper(), with: part.title()}\n"
        "  - {file: pkg/m.py, within: helper, match: x + 1, with: x + 100}\n",
        "deeper.yaml",
    )
    module, runtime = load(written(guarded(lower), guarded(deeper), guarded(patch("fixed"))))
    assert speak(module) == ["Hi", 11, 1, "new", 101]
    runtime.disable("inner")
    assert speak(module) == ["hi", 11, 1, "new", 2]


BROKEN = read_spec(
    "patch: broken\nsummary: s\ntarget: pkg\nequivalence: bitwise\nedits:\n"
    "  - file: pkg/m.py\n    within: helper\n    body: |\n"
    "      random.random()\n"
    "      broken.calls += 1\n"
    "      if broken.calls == 3:\n"
    "          raise ValueError('third')\n"
    "      return x + 100\n"
    "  - file: pkg/m.py\n    define: |\n      class broken:\n          calls = 0\n",
    "broken.yaml",
)


def test_without_a_fallback_an_error_is_raised(load: Any) -> None:
    module, _ = load(written(guarded(BROKEN)))
    assert [speak(module)[4] for _ in range(2)] == [101, 101]
    with pytest.raises(ValueError, match="third"):
        speak(module)


def test_with_a_fallback_the_original_does_the_call_and_the_patch_is_off(
    load: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module, runtime = load(written(guarded(BROKEN, fallback=True)))
    random.seed(1)
    with caplog.at_level(logging.ERROR, logger="patcher.guard"):
        results = [module.Voice().speak("hi")[4:] for _ in range(9)]
    assert [value for value, _ in results] == [101, 101] + [2] * 7
    assert [record.getMessage() for record in caplog.records] == [
        "patch broken failed and is off for this process"
    ]
    assert runtime.counters()["broken"] == {"patched": 3, "original": 6, "fallbacks": 1}
    random.seed(1)
    expected = [(random.random(), random.random())[1] for _ in range(2)]
    expected += [random.random() for _ in range(7)]  # what the failed call drew was put back
    assert [drawn for _, drawn in results] == expected


def test_verification_runs_guarded_code_with_the_fallback_off(load: Any) -> None:
    files = written(guarded(BROKEN, fallback=True, rollout=0))
    module, _ = load(files, PATCHER_ENABLE="all", PATCHER_FALLBACK="off")
    with pytest.raises(ValueError, match="third"):
        [speak(module) for _ in range(3)]


def repeated(runtime: ModuleType, spoil: Any, argument: Any) -> bool:
    """Whether a call is done again by the original, after the patched code did ``spoil``."""
    runtime.group("spoiler", fallback=True)

    def patched(given: Any) -> str:
        spoil(given)
        raise ValueError("patched")

    call = runtime.entry(runtime.either("spoiler", patched, lambda given: "original"))
    try:
        return bool(call(argument) == "original")
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("argument", "spoil"),
    [
        ({"inner": ["x"]}, lambda given: given["inner"].append("y")),
        ((["x"],), lambda given: given[0].clear()),
        ({"a": {"b": {1}}}, lambda given: given["a"]["b"].add(2)),
        ([iter("ab")], lambda given: next(given[0])),
        ({"a": 1}, lambda given: given.update(b=2)),
    ],
)
def test_a_change_inside_an_argument_keeps_its_call_from_being_repeated(
    load: Any, argument: Any, spoil: Any
) -> None:
    _, runtime = load(written(guarded(BROKEN, fallback=True)))
    assert not repeated(runtime, spoil, argument)
    assert repeated(runtime, lambda given: None, {"inner": ["x"], "other": ("a", {1})})


def test_numbers_drawn_from_a_generator_that_was_passed_are_put_back(load: Any) -> None:
    _, runtime = load(written(guarded(BROKEN, fallback=True)))
    generator = random.Random(7)
    assert repeated(runtime, lambda given: given.random(), generator)
    assert generator.random() == random.Random(7).random()


@pytest.mark.parametrize("bag", [["x"], bytearray(b"x")])
def test_a_call_that_changed_an_argument_is_not_repeated(
    load: Any, bag: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module, _ = load(written(guarded(BROKEN, fallback=True)))
    module.broken.calls = 2
    text = "hi" if isinstance(bag, list) else 104
    with pytest.raises((ValueError, AttributeError)):
        module.Voice().speak(text, bag)


def test_a_stream_that_was_begun_is_not_begun_again(load: Any) -> None:
    module, _ = load(written(guarded(BROKEN, fallback=True)))
    stream = module.Voice().stream([1, 2, 3])
    assert [next(stream), next(stream)] == [(1, 11, 101), (2, 11, 102)]
    with pytest.raises(ValueError, match="third"):
        next(stream)
    assert next(module.Voice().stream([3])) == (3, 11, 4)


def test_a_consumed_iterator_is_not_consumed_again(load: Any) -> None:
    module, _ = load(written(guarded(BROKEN, fallback=True)))
    module.broken.calls = 2
    with pytest.raises(ValueError, match="third"):
        list(module.Voice().stream(iter([1, 2])))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("load", "changes Voice.load: it is a class method: what it loads outlives the choice"),
        ("rate", "changes what runs when pkg/m.py is imported: line 18, rate = 3"),
    ],
)
def test_what_acts_at_load_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(PatcherError) as raised:
        written(guarded(patch(name)))
    assert raised.value.code == "cannot-guard"
    assert reason in raised.value.message


def test_a_patch_that_builds_on_a_guarded_one_must_be_guarded_too() -> None:
    deeper = read_spec(
        "patch: deeper\nsummary: s\ntarget: pkg\nequivalence: bitwise\nedits:\n"
        "  - {file: pkg/m.py, within: helper, match: x + 100, with: x + 200}\n",
        "deeper.yaml",
    )
    with pytest.raises(PatcherError, match="other patches of the series build on helper"):
        written(guarded(patch("helper")), Member(deeper))


def test_line_ends_of_the_file_are_kept(load: Any) -> None:
    files = written(guarded(ALL), source=SOURCE.replace("\n", "\r\n"))
    assert b"\n" not in files["pkg/m.py"].replace(b"\r\n", b"")
    assert speak(load(files)[0]) == NEW


def test_coroutines_are_chosen_as_they_run(load: Any) -> None:
    import asyncio

    source = "async def f(x):\n    return x + 1\n\n\nasync def g(x):\n    return await f(x)\n"
    each = read_spec(
        "patch: p\nsummary: s\ntarget: pkg\nequivalence: bitwise\n"
        "entry-points: ['pkg/m.py::g']\nedits:\n"
        "  - {file: pkg/m.py, within: f, match: x + 1, with: x + 2}\n",
        "p.yaml",
    )
    assert each.entry_points == ("pkg/m.py::g",)
    files = written(Member(each, Guard(entry_points=each.entry_points)), source=source)
    module, runtime = load(files)
    assert asyncio.run(module.g(1)) == 3
    runtime.disable("p")
    assert asyncio.run(module.g(1)) == 2
