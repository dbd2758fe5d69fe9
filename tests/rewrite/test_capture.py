"""`capture`: hand edits become a spec that gives them back when it is replayed."""

from __future__ import annotations

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.capture import Captured, capture
from patcher.rewrite.replay import replay, replay_modes
from tests.rewrite.making import reading

Tree = dict[str, bytes]
Files = dict[str, tuple[bytes, int]]


def captured(pristine: Tree, edited: dict[str, bytes | None]) -> tuple[Captured, Patch]:
    """A capture of files of mode 644, and the patch that its text reads as."""
    after = {path: None if data is None else (data, 0o644) for path, data in edited.items()}
    actual = capture("mine", "pkg", {p: (data, 0o644) for p, data in pristine.items()}, after)
    return actual, read_spec(actual.text, "patches/mine.yaml", actual.attachments)


BEFORE = '''"""Doc."""
import os


class A(Base):
    @torch.no_grad()
    def f(self, x, n=1):
        # first
        y = g(x)
        y = y + 1
        with lock:
            z = h(y)
            log(z)
        for i in range(n):
            log(z)
        return z

    def g(self, x):
        y = g(x)
        return y


def top(a):
    """Says.

        indented
    """
    return a
'''

EDITS = {
    "a changed statement": ("y = y + 1", "y = y + 2", ["match"]),
    "a changed decorator": ("torch.no_grad()", "torch.inference_mode()", ["decorator"]),
    "a removed decorator": ("    @torch.no_grad()\n", "", ["decorator"]),
    "an added decorator": (
        "    def g(self, x)", "    @cached\n    def g(self, x)", ["decorator"]),
    "an inserted statement": ("        y = y + 1\n", "        y = y + 1\n        check(y)\n",
                              ["after"]),
    "an inserted statement with a comment": (
        "        return z\n", "        # why\n        done()\n        return z\n", ["before"]),
    "a deleted statement": ("            z = h(y)\n            log(z)\n",
                            "            z = h(y)\n", ["match"]),
    "a deleted statement that stands once": ("        y = y + 1\n", "", ["delete"]),
    "a changed with item": ("with lock:", "with other:", ["match"]),
    "a changed signature": ("def f(self, x, n=1):", "def f(self, x, *, n=2):", ["match"]),
    "a changed base class": ("class A(Base):", "class A(Base, Mixin):", ["match"]),
    "an added import": ("import os\n", "import os\nimport sys\n", ["import"]),
    "a statement that stands twice": (
        "        return y\n", "        return y + 1\n", ["match"]),
    "one of two equal statements": (
        "    def g(self, x):\n        y = g(x)\n",
        "    def g(self, x):\n        y = k(x)\n",
        ["match"],
    ),
    "both of two equal statements of a function": ("log(z)", "note(z)", ["match"]),
    "a wrapped block": (
        "            log(z)\n        for", "            if z:\n                log(z)\n        for",
        ["match"],
    ),
    "a changed line inside a nested block": ("range(n)", "range(n + 1)", ["match"]),
    "a function with a docstring of several lines": ("    return a\n", "    return -a\n",
                                                     ["match"]),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS.values(), ids=EDITS.keys())
def test_it_captures(case: tuple[str, str, list[str]]) -> None:
    old, new, kinds = case
    assert old in BEFORE
    pristine = {"m.py": BEFORE.encode()}
    edited = {"m.py": BEFORE.replace(old, new).encode()}
    _, patch = captured(pristine, edited)
    assert [edit.kind.value for edit in patch.edits] == kinds
    assert replay(reading(pristine), [patch]) == edited


TWINS = """\
class E:
    @overload
    def f(self, x: int) -> int: ...

    @overload
    def f(self, x: str) -> str: ...

    def g(self, a, b):
        if a:
            return False
        if b:
            return False
        return True
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        if b:\n            return False", "        if b:\n            return None"),
        ("x: str) -> str", "x: bytes) -> bytes"),
        ("    def g(", "    @overload\n    def f(self, x: list) -> list: ...\n    def g("),
    ],
    ids=["a line that stands in two branches", "one of two overloads", "a third overload"],
)
def test_it_captures_among_twins(old: str, new: str) -> None:
    pristine, edited = {"m.py": TWINS.encode()}, {"m.py": TWINS.replace(old, new).encode()}
    _, patch = captured(pristine, edited)
    assert replay(reading(pristine), [patch]) == edited


def test_it_captures_several_changes_of_several_files() -> None:
    pristine = {"m.py": BEFORE.encode(), "n.py": b"x = 1\r\ny = 2\r\n"}
    edited = {
        "m.py": BEFORE.replace("y + 1", "y + 2").replace("return a", "return b").encode(),
        "n.py": b"x = 1\r\ny = 3\r\n",
        "pkg/new.py": b"z = 1\n",
    }
    actual, patch = captured(pristine, edited)
    assert actual.attachments == {"mine/pkg/new.py": b"z = 1\n"}
    assert replay(reading(pristine), [patch]) == edited


EXACT = {
    "a comment": (BEFORE, BEFORE.replace("# first", "# 1st")),
    "a comment and the line below it": (
        BEFORE, BEFORE.replace("# first\n        y = g(x)", "# 1st\n        y = k(x)")),
    "white space alone": (BEFORE, BEFORE.replace("y = y + 1", "y = y  +  1")),
    "white space beside a change": (
        BEFORE, BEFORE.replace("        y = y + 1\n", "        y = y   +   2\n\n")),
    "a blank line that goes": (
        BEFORE, BEFORE.replace("        return z\n\n", "        return z\n")),
    "a type comment": ("x = []  # type: list\n", "x = []  # type: List[int]\n"),
    "a method with its blank lines": (
        BEFORE,
        BEFORE.replace("    def g(self", "    def k(self):\n        return 1\n\n    def g(self")),
    "a function with its blank lines": (
        BEFORE, BEFORE.replace("\n\ndef top", "\n\ndef low():\n    pass\n\n\ndef top")),
    "a method that goes": (
        BEFORE, BEFORE.replace("    def g(self, x):\n        y = g(x)\n        return y\n", "")),
    "the last newline": ("a = 1\nb = 2\n", "a = 1\nb = 3"),
    "a last newline that comes": ("a = 1\nb = 2", "a = 1\nb = 2\nc = 3\n"),
    "white space on a blank line of a string": (
        's = """a\n\nb"""\n', 's = """a\n   \nb"""\nt = 1\n'),
    "a line separator": ("s = 'a'\n", "s = 'a\u2028b'\n"),
    "a next line character": ("s = 'a'\n", "s = 'a\x85b'\n"),
    "a control character": ("s = 'a'\n", "s = 'a\x07\x1bb'\n"),
    "a tab at the start of a string's line": ('s = """a\nb"""\n', 's = """a\n\tb """\n'),
    "characters of higher planes": ("s = 'a'\n", "s = '\U0001f600'\n"),
    "lines that end in another way": ("a = 1\r\nb = 2\r\n", "a = 1\nb = 2\n"),
    "an empty file that is filled": ("", "a = 1\n"),
    "a file that is emptied": ("a = 1\n", ""),
    "a name that patterns cannot hold": ("µ = 1\nif µ:\n    a\n", "µ = 2\nif µ:\n    b\n"),
    "letters in strings that patterns hold for names": (
        "def f(a='5 µs'):\n    x = 'µ'\n    return x\n",
        "def f(a='6 µs'):\n    x = 'µs'\n    return x\n"),
    "a changed elif": (
        "if a:\n    b\nelif c:\n    d\n", "if a:\n    b\nelif c or e:\n    d\n"),
    "an elif that comes": (
        "if a:\n    b\nelif c:\n    d\n", "if a:\n    b\nelif c:\n    d\nelif e:\n    f\n"),
    "an elif that goes": (
        "if a:\n    b\nelif c:\n    d\nelse:\n    e\n", "if a:\n    b\nelse:\n    e\n"),
    "an else that comes to a chain": (
        "def f():\n    if a:\n        b\n    elif c:\n        d\n",
        "def f():\n    if a:\n        b\n    elif c:\n        d\n    else:\n        e\n"),
    "a line inside an elif": (
        "if a:\n    b\nelif c:\n    d\n    e\n", "if a:\n    b\nelif c:\n    d\n    f\n"),
    "a statement beside an assertion": (
        "def f(x):\n    assert x, 'need'\n    return x\n",
        "def f(x):\n    assert x, 'need'\n    y = 1\n    return x\n"),
    "what no longer is in an elif": (
        "if a:\n    b\nelif c:\n    d\n", "if a:\n    b\nelse:\n    if c:\n        d\n    e\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", EXACT.values(), ids=EXACT.keys())
def test_it_gives_every_byte_back(case: tuple[str, str]) -> None:
    before, after = case
    pristine, edited = {"m.py": before.encode()}, {"m.py": after.encode()}
    _, patch = captured(pristine, edited)
    assert replay(reading(pristine), [patch]) == edited


CHAIN = """\
def f(x):
    if x == 1:  # one
        a()
        b()
    elif x == 2:  # two
        a2()
        b2()
    elif x == 3:
        a3()
        b3()
    else:
        c()
        d()
"""
BRANCHES = {
    "another condition": (
        [("x == 2:", "x in (2, 4):")],
        [("match", "elif x == 2:\n    $$$BODY", "elif x in (2, 4):\n    $$$BODY")],
    ),
    "two other conditions": (
        [("x == 2:", "x == 20:"), ("x == 3:", "x == 30:")],
        [("match", "elif x == 2:\n    $$$BODY", "elif x == 20:\n    $$$BODY"),
         ("match", "elif x == 3:\n    $$$BODY", "elif x == 30:\n    $$$BODY")],
    ),
    "another condition and another statement below it": (
        [("x == 2:", "x == 20:"), ("a2()", "a20()")],
        [("match", "elif x == 2:\n    $$$BODY", "elif x == 20:\n    $$$BODY"),
         ("match", "a2()", "a20()")],
    ),
    "one that comes": (
        [("    elif x == 3:", "    elif x == 2.5:\n        h()\n    elif x == 3:")],
        [("after", "elif x == 2:\n    $$$BODY", "elif x == 2.5:\n    h()")],
    ),
    "one that comes first": (
        [("    elif x == 2:", "    elif x == 1.5:\n        h()\n    elif x == 2:")],
        [("before", "elif x == 2:\n    $$$BODY", "elif x == 1.5:\n    h()")],
    ),
    "two that come last": (
        [("    else:", "    elif x == 4:\n        h()\n    elif x == 5:\n        i()\n    else:")],
        [("after", "elif x == 3:\n    $$$BODY", "elif x == 4:\n    h()\nelif x == 5:\n    i()")],
    ),
    "one that goes": (
        [("    elif x == 3:\n        a3()\n        b3()\n", "")],
        [("delete", "elif x == 3:\n    $$$BODY", None)],
    ),
    "one that goes and a changed else": (
        [("    elif x == 3:\n        a3()\n        b3()\n", ""), ("c()", "e()")],
        [("delete", "elif x == 3:\n    $$$BODY", None), ("match", "c()", "e()")],
    ),
    "an else that goes": (
        [("    else:\n        c()\n        d()\n", "")],
        [("match", "elif x == 3:\n    $$$BODY\nelse:\n    $$$ELSE", "elif x == 3:\n    $$$BODY")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BRANCHES.values(), ids=BRANCHES.keys())
def test_a_changed_elif_is_a_site_of_its_own(
    case: tuple[list[tuple[str, str]], list[tuple[str, str, str | None]]],
) -> None:
    changes, expected = case
    after = CHAIN
    for old, new in changes:
        assert old in after
        after = after.replace(old, new)
    pristine, edited = {"m.py": CHAIN.encode()}, {"m.py": after.encode()}
    _, patch = captured(pristine, edited)
    edits = [(e.kind.value, (e.pattern or "").strip(), e.replacement) for e in patch.edits]
    assert [(kind, old, new and new.strip()) for kind, old, new in edits] == expected
    assert replay(reading(pristine), [patch]) == edited


def test_an_else_that_comes_to_a_chain_comes_with_its_last_elif() -> None:
    before, after = EXACT["an else that comes to a chain"]
    _, patch = captured({"m.py": before.encode()}, {"m.py": after.encode()})
    (edit,) = patch.edits
    assert (edit.pattern or "").strip() == "elif c:\n    $$$BODY"
    assert (edit.replacement or "").strip() == "elif c:\n    $$$BODY\nelse:\n    e"


@pytest.mark.parametrize(
    "case",
    [(CHAIN, CHAIN.replace("x == 1", "x == 0")),
     (CHAIN.replace("x == 3", "x == 2"), CHAIN.replace("x == 3", "x == 4").replace("2:", "4:"))],
    ids=["another if", "two equal conditions"],
)  # fmt: skip
def test_what_is_no_single_elif_is_captured_with_its_chain(case: tuple[str, str]) -> None:
    before, after = case
    _, patch = captured({"m.py": before.encode()}, {"m.py": after.encode()})
    (edit,) = patch.edits
    assert (edit.pattern or "").startswith("if x == 1:")
    assert replay(reading({"m.py": before.encode()}), [patch]) == {"m.py": after.encode()}


FILES: Files = {
    "pkg/a.py": (b"a = 1\nb = 2\nc = 3\nd = 4\n", 0o644),
    "pkg/run.py": (b"print()\n", 0o755),
    "pkg/data.json": (b'{"a": 1,\n "b": 2}\n', 0o644),
    "pkg/w.bin": (b"\x00\xff\x01", 0o644),
}
WHOLE: dict[str, tuple[dict[str, tuple[bytes, int] | None], list[str]]] = {
    "a deleted file": ({"pkg/a.py": None}, ["delete-file"]),
    "a file of a new folder": ({"pkg/fast/__init__.py": (b"", 0o644)}, ["add-file"]),
    "two files of one name": (
        {"pkg/x/n.py": (b"A = 1\n", 0o644), "pkg/y/n.py": (b"B = 1\n", 0o644)},
        ["add-file", "add-file"]),
    "data": ({"pkg/data.json": (b'{"a": 1,\n "b": 3}\n', 0o644)}, ["lines"]),
    "bytes that are no text": ({"pkg/w.bin": (b"\x00\xfe", 0o644)}, ["replace-file"]),
    "new bytes that are no text": ({"pkg/v.bin": (b"\x00\xfe", 0o644)}, ["add-file"]),
    "a mode": ({"pkg/a.py": (FILES["pkg/a.py"][0], 0o755)}, ["mode"]),
    "a mode beside a change": (
        {"pkg/a.py": (b"a = 1\nb = 2\nc = 3\nd = 5\n", 0o755)}, ["match", "mode"]),
    "an executable that is new": ({"pkg/tool": (b"#!/bin/sh\n", 0o755)}, ["add-file", "mode"]),
    "a file that moves": (
        {"pkg/run.py": None, "pkg/sub/go.py": FILES["pkg/run.py"]}, ["rename-file"]),
    "a file that moves and changes": (
        {"pkg/a.py": None, "pkg/sub/b.py": (b"a = 1\nb = 2\nc = 3\nd = 5\n", 0o755)},
        ["match", "mode", "rename-file"]),
    "a file that becomes another": (
        {"pkg/a.py": None, "pkg/z.py": (b"import z\n", 0o644)}, ["delete-file", "add-file"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE.keys())
def test_it_captures_whole_files(case: tuple[Files, list[str]]) -> None:
    edited, kinds = case
    actual = capture("mine", "pkg", FILES, edited)
    patch = read_spec(actual.text, "patches/mine.yaml", actual.attachments)
    assert [edit.kind.value for edit in patch.edits] == kinds
    pristine = {path: data for path, (data, _) in FILES.items()}
    files = replay(pristine.get, [patch])
    modes = replay_modes(pristine.get, lambda path: FILES[path][1], [patch])
    tree = {path: held for path, held in FILES.items() if edited.get(path, held) is not None}
    made = {**pristine, **files}
    assert {
        path: (data, modes.get(path, FILES.get(path, (b"", 0o644))[1]))
        for path, data in made.items() if data is not None
    } == {**tree, **{path: held for path, held in edited.items() if held is not None}}  # fmt: skip


REFUSED = {
    "nothing": (FILES["pkg/a.py"], "nothing differs from what patcher wrote"),
    "a mode that shuts its owner out": ((b"a = 1\n", 0o444), "mode 444 of pkg/a.py"),
    "a mode that is more than rwx": ((b"a = 1\n", 0o4755), "it has more than rwx"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(case: tuple[tuple[bytes, int], str]) -> None:
    edited, why = case
    with pytest.raises(PatcherError, match=why):
        capture("mine", "pkg", FILES, {"pkg/a.py": edited})


def test_what_is_no_longer_python_is_refused_by_its_line() -> None:
    with pytest.raises(PatcherError, match="line 2 is not Python") as caught:
        captured({"m.py": b"a = 1\n"}, {"m.py": b"a = 1\ndef\n"})
    assert caught.value.where == "m.py:2:1"


def test_a_file_that_never_was_python_is_captured_all_the_same() -> None:
    pristine, edited = {"t.py": b"{{ name }} =\n"}, {"t.py": b"{{ name }} = 1 1\n"}
    _, patch = captured(pristine, edited)
    assert replay(reading(pristine), [patch]) == edited
