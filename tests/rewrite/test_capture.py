"""`capture`: hand edits become a spec that gives them back when it is replayed."""

from __future__ import annotations

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.capture import capture
from patcher.rewrite.replay import replay
from tests.rewrite.making import reading

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
    captured = capture("mine", "pkg", pristine, edited)
    patch = read_spec(captured.text, "patches/mine.yaml", captured.attachments)
    assert [edit.kind.value for edit in patch.edits] == kinds
    assert captured.inexact == ()
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
    captured = capture("mine", "pkg", pristine, edited)
    patch = read_spec(captured.text, "patches/mine.yaml", captured.attachments)
    assert replay(reading(pristine), [patch]) == edited


def test_it_captures_several_changes_of_several_files() -> None:
    pristine = {"m.py": BEFORE.encode(), "n.py": b"x = 1\r\ny = 2\r\n"}
    edited = {
        "m.py": BEFORE.replace("y + 1", "y + 2").replace("return a", "return b").encode(),
        "n.py": b"x = 1\r\ny = 3\r\n",
        "pkg/new.py": b"z = 1\n",
    }
    captured = capture("mine", "pkg", pristine, edited)
    assert captured.attachments == {"new.py": b"z = 1\n"}
    patch = read_spec(captured.text, "patches/mine.yaml", captured.attachments)
    assert replay(reading(pristine), [patch]) == edited


def test_it_says_where_only_white_space_will_differ() -> None:
    edited = BEFORE.replace("        y = y + 1\n", "        y = y   +   2\n\n")
    captured = capture("mine", "pkg", {"m.py": BEFORE.encode()}, {"m.py": edited.encode()})
    assert captured.inexact == ("m.py",)


REFUSED = {
    "nothing": (BEFORE, "nothing differs from what patcher wrote"),
    "a comment alone": (BEFORE.replace("# first", "# 1st"), "only comments or white space differ"),
    "what is not Python": (BEFORE + "def\n", "is not Python"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(case: tuple[str, str]) -> None:
    edited, why = case
    with pytest.raises(PatcherError, match=why):
        capture("mine", "pkg", {"m.py": BEFORE.encode()}, {"m.py": edited.encode()})


def test_it_refuses_a_deleted_file() -> None:
    with pytest.raises(PatcherError, match="it was deleted"):
        capture("mine", "pkg", {"m.py": BEFORE.encode()}, {"m.py": None})
