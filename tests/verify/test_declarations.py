"""What a patch does beside computing is declared, or the patch is refused."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path

import pytest

from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import Declaration
from patcher.patchfile.reader import read_spec
from patcher.verify.declarations import added, undeclared

BEFORE = """\
import math
import os

SIZES = {}


class Voice:
    def __init__(self):
        self.table = {}

    def say(self, text, seed):
        os.environ.get("VOICE")
        return [math.sin(seed + ord(letter)) for letter in text]
"""

# name: what is put at the top, what is put first in `say`, what covers it
HIDDEN: dict[str, tuple[str, str, set[str]]] = {
    "the clock is rebound": ("import time\ntime.perf_counter = lambda: 0.0", "", {"globals"}),
    "the clock is rebound by setattr": (
        "import time\nsetattr(time, 'perf_counter', lambda: 0.0)", "", {"globals"}),
    "the clock is rebound under another name": (
        "from importlib import import_module\nclock = import_module('time')\n"
        "clock.monotonic = lambda: 0.0", "", {"globals"}),
    "a class of a library is changed": (
        "from json import JSONEncoder\nJSONEncoder.encode = lambda *a: ''", "", {"globals"}),
    "waiting for the device is made nothing": (
        "import torch\ntorch.cuda.synchronize = lambda *a: None", "", {"globals"}),
    "a frame is looked at": ("import sys", "sys._getframe(1)", {"globals"}),
    "a frame is looked at through an exception": ("", "str.tb_frame", {"globals"}),
    "the caller's stack is read": ("import inspect", "inspect.stack()", {"globals"}),
    "the worker is reached": ("import __main__", "", {"globals"}),
    "the worker is reached through sys": ("import sys", "sys.modules['__main__']", {"globals"}),
    "all objects are searched": ("import gc", "gc.get_objects()", {"globals"}),
    "collecting is switched off": ("import gc\ngc.disable()", "", {"globals"}),
    "memory is reached": ("import ctypes", "", {"globals"}),
    "something runs at exit": ("import atexit\natexit.register(print)", "", {"globals"}),
    "imports are hooked": ("import sys\nsys.meta_path.insert(0, None)", "", {"globals"}),
    "calls are traced": ("import sys\nsys.setprofile(None)", "", {"globals"}),
    "the process ends": ("import os", "os._exit(0)", {"globals"}),
    "seeds are set": ("import random", "random.seed(0)", {"globals"}),
    "threads are set": ("import torch", "torch.set_num_threads(1)", {"globals", "threads"}),
    "the default type changes": ("import torch", "torch.set_default_dtype(None)", {"globals"}),
    "code is made while it runs": ("", "exec('x = 1')", {"globals"}),
    "an import only the run tells": ("", "__import__(text)", {"globals"}),
    "an environment variable": ("", "os.getenv('PATCHER')", {"environment"}),
    "the arguments of the process": ("import sys", "sys.argv", {"environment"}),
    "the network": ("import socket", "", {"environment"}),
    "a thread": ("from threading import Thread", "Thread(target=print)", {"threads"}),
    "a pool": ("from concurrent import futures", "", {"threads"}),
    "a process": ("import subprocess", "subprocess.run(text)", {"threads"}),
    "a fork": ("", "os.fork()", {"threads"}),
    "a file by open": ("", "open('/tmp/x', 'w')", {"files"}),
    "a file by pathlib": ("from pathlib import Path", "Path('x').write_text(text)", {"files"}),
    "a tensor on disk": ("import torch", "torch.save(text, 'x')", {"files"}),
    "a dictionary of the module": (
        "", "SIZES[text] = seed", {"cache-answers", "cache-weights"}),
    "a new dictionary of the module": (
        "_kept = {}", "if text in _kept: return _kept[text]\n_kept[text] = []",
        {"cache-answers", "cache-weights"}),
    "a list of the module": (
        "_kept = []", "_kept.append(text)", {"cache-answers", "cache-weights"}),
    "a global name": (
        "_last = None", "global _last\n_last = text",
        {"cache-answers", "cache-weights", "globals"}),
    "an attribute of a class": (
        "", "Voice.last = text", {"cache-answers", "cache-weights", "globals"}),
    "a cache of the library": (
        "from functools import lru_cache\n@lru_cache\ndef f(x): return x", "",
        {"cache-answers", "cache-weights"}),
    "a dictionary of the object, asked first": (
        "", "if text in self.table: return self.table[text]\nself.table[text] = []",
        {"cache-answers", "cache-weights"}),
    "the object's own namespace": (
        "", "self.__dict__.setdefault('_kept', {})", {"cache-answers", "cache-weights"}),
    "a default argument": (
        "def f(x, kept={}):\n    kept[x] = 1", "", {"cache-answers", "cache-weights"}),
    "a closure that is handed out": (
        "def f(g):\n    kept = {}\n    def h(x):\n        kept[x] = g(x)\n        return kept[x]\n"
        "    return h", "", {"cache-answers", "cache-weights"}),
    "patcher's own word": ("class NotApplicable(Exception): pass", "", set()),
    "patcher itself": ("from patcher.targets.adapter import NotApplicable", "", set()),
}  # fmt: skip

HONEST: dict[str, tuple[str, str]] = {
    "arithmetic": ("", "seed = math.floor(seed) + 1"),
    "a local dictionary": ("", "known = {}\nfor letter in text:\n    known[letter] = 1"),
    "a helper with a local list": (
        "def f(x):\n    out = []\n    def g(y):\n        out.append(y)\n    g(x)\n    return out",
        ""),
    "an attribute of its own object": ("", "self.last = seed"),
    "a table made in a constructor": (
        "class Table:\n    def __init__(self, n):\n        self.rows = {}\n"
        "        for i in range(n):\n            self.rows.setdefault(i, 0)", ""),
    "a module read, not changed": ("import sys", "sys.maxsize"),
    "a name like a module's": ("from scipy import signal", "signal.stft(text)"),
    "a lock": ("import threading\n_lock = threading.Lock()", "with _lock: pass"),
    "what the target did already": ("", "os.environ.get('VOICE')"),
}  # fmt: skip


def changed(top: str, first: str) -> bytes:
    head = "    def say(self, text, seed):\n"
    inside = textwrap.indent(first, " " * 8) + "\n" if first else ""
    text = BEFORE.replace("SIZES = {}\n", f"SIZES = {{}}\n{top}\n").replace(head, head + inside)
    return text.encode()


@pytest.mark.parametrize("name", HIDDEN)
def test_it_is_seen_and_what_would_cover_it_is_named(name: str) -> None:
    top, first, accepted = HIDDEN[name]
    actual = added("voice.py", BEFORE.encode(), changed(top, first))
    assert actual, "nothing was seen"
    assert {each.value for each in actual[-1].accepts} == accepted, actual


@pytest.mark.parametrize("name", HONEST)
def test_honest_code_needs_no_declaration(name: str) -> None:
    top, first = HONEST[name]
    actual = added("voice.py", BEFORE.encode(), changed(top, first))
    # Saying the same thing twice is saying it once more than the target did.
    assert [one for one in actual if "os.environ" not in one.what] == []


def test_what_moves_within_its_function_is_not_new() -> None:
    moved = BEFORE.replace(
        '        os.environ.get("VOICE")\n        return',
        "        if seed:\n            os.environ\n        return",
    )
    assert added("voice.py", BEFORE.encode(), moved.encode()) == []


def spec(*lines: str) -> str:
    return "\n".join(
        (
            "patch: p",
            "summary: s",
            "target: voice",
            "equivalence: bitwise",
            *lines,
            "edits:",
            "  - file: voice.py",
            "    within: Voice.say",
            "    before: return $X",
            "    with: SIZES[text] = seed",
            "",
        )
    )


def test_patch_line_and_what_would_cover_it_are_named() -> None:
    patch = read_spec(spec(), "p.yaml")
    (actual,) = undeclared(lambda _: BEFORE.encode(), [patch])
    assert (actual.patch, actual.file, actual.line) == ("p", "voice.py", 13)
    assert actual.sentence == (
        "p: voice.py:13 keeps things in `SIZES` between calls "
        "(declares: cache-answers or cache-weights)"
    )


@pytest.mark.parametrize("word", ["cache-weights", "cache-answers"])
def test_what_is_declared_is_accepted(word: str) -> None:
    patch = read_spec(spec(f"declares: {word}"), "p.yaml")
    assert undeclared(lambda _: BEFORE.encode(), [patch]) == ()


def test_another_declaration_covers_nothing() -> None:
    patch = read_spec(spec("declares: [threads, files]"), "p.yaml")
    assert len(undeclared(lambda _: BEFORE.encode(), [patch])) == 1


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("random.py", "hides the library's own `random`"),
        ("sitecustomize.py", "hides the library's own `sitecustomize`"),
        ("voice/_fast.so", "compiled code"),
    ],
)
def test_a_file_is_known_by_its_name(path: str, what: str) -> None:
    (actual,) = added(path, None, b"")
    assert what in actual.what


def test_every_shipped_patch_declares_what_it_does() -> None:
    package = importlib.util.find_spec("chatterbox")
    if package is None or not package.submodule_search_locations:
        pytest.skip("chatterbox-tts is not installed")
    root = Path(package.submodule_search_locations[0]).parent

    def read(path: str) -> bytes | None:
        file = root / path
        return file.read_bytes() if file.is_file() else None

    patches = [one for one in load_catalogue().patches.values() if "fork_" not in one.name]
    assert [actual.sentence for one in patches for actual in undeclared(read, [one])] == []
    says = {one.name: one.declares for one in patches if one.declares}
    assert says["conds_cache"] == (Declaration.CACHE_ANSWERS,)
    assert says["t3_lean_step"] == (Declaration.CACHE_WEIGHTS,)
