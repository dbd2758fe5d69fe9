"""The small package that hands edit, and what they write into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.rewrite.authoring.capture import File

MODULE = '''\
"""What it is for.

    An indented line.
"""

from __future__ import annotations

import os
import sys  # the interpreter

LIMIT = 3
NAMES = {
    "a": 1,
    "b": 2,  # two
}


class Base:
    """A base."""

    size: int = 0

    def __init__(self, x, y=1, *rest, **more):
        assert x, "need x"
        self.x = x
        # the other one
        self.y = y

    @property
    def area(self):
        return self.x * self.y

    @area.setter
    def area(self, value):
        self.x = value

    async def wait(self, other):
        async with other as o:
            await o.done()
        return [each for each in other if each]


def kind(x):
    if x == 1:
        return "one"
    elif x == 2:
        # second
        return "two"
    elif x in (3, 4):
        print(x, end="")
        return "more"
    else:
        return None


def load(path):
    try:
        with open(path) as file:
            text = file.read()
    except OSError as error:
        print(error)
        text = ""
    finally:
        print("done")
    for line in text.splitlines():
        if not line:
            continue
        print(
            line,
            LIMIT,
        )
    while text:
        text = text[1:]
    return f"{text!r}"
'''


OTHER = """\
def first(a):
    b = a + 1
    b = b * 2
    return b

def second(a):
    b = a + 1
    return b
"""


BEFORE: dict[str, File] = {
    "pkg/__init__.py": (b"", 0o644),
    "pkg/main.py": (MODULE.encode(), 0o644),
    "pkg/other.py": (OTHER.replace("\n", "\r\n").encode(), 0o755),
    "pkg/data.json": (b'{"a": 1,\n "b": [2, 3]}\n', 0o644),
    "pkg/w.bin": (bytes(range(200)), 0o644),
}


STATEMENTS = (
    "check(x)", "y = [1, 2]", "del x", "pass", "if x:\n    go(x)", "for i in x:\n    go(i)",
    "import math", "x: int = 2", "return x", "with x as y:\n    go()",
)  # fmt: skip


LITERALS = ("0", "'other'", '"""a\n   \n b"""', "'\\N{BULLET}'", "'a\u2028b'", "'\x07'", "'\x85'",
            "1_000", "'😀'", "b'\\x00'", "None")  # fmt: skip


COMMENTS = ("# new", "# a: b # c", "#!/odd", "#", "# ünïcode \u2029")
