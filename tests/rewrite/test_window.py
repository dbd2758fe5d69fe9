"""A text read where it differs from an older one has the tree that all of it has."""

from __future__ import annotations

import ast
from random import Random

import pytest

from patcher.patchfile.python import parse_python
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.oracle.sites import Lines
from patcher.rewrite.oracle.window import read_window
from tests.rewrite.grammar.cases import make
from tests.rewrite.grammar.night import FIRST

OLD = """\
import a

class C:
    x = 1

    def f(self):
        y = 2
        return y

    @deco
    def g(self): pass
z = 3; \\
w = 4
"""


def windowed(old: str, new: str, first: int, last: int) -> ast.Module | None:
    tree = parse_python(old)
    return read_window(tree, Lines(old), Lines(new), (first, last), parse_python)


def test_what_is_written_is_read_as_all_of_it_is() -> None:
    read = 0
    for seed in range(FIRST, FIRST + 300):
        case = make(Random(seed))
        if case is None or case.files:
            continue
        result = rewrite_file("m.py", case.content, case.patch.edits, case.attachments)
        sites = [site for each in result.outcomes for site in each.sites]
        if result.content is None or not sites:
            continue
        new = result.content.removeprefix(case.bom).decode(case.encoding)
        first, last = min(s.line for s in sites), max(s.end_line for s in sites)
        part = windowed(case.source, new, first, last)
        if part is not None:
            assert ast.dump(part) == ast.dump(parse_python(new))
            read += 1
    assert read > 200


@pytest.mark.parametrize(("line", "text"), [
    (8, "        return f(\n"), (8, "        return '''\n"), (8, "    else: pass\n"),
    (8, "return y\n"), (8, "        @deco\n"), (8, "      return y\n"), (8, "\treturn y\n"),
    (4, "    x = 1 \\\n"), (4, "  x = 1\n"), (4, "else: x = 1\n"), (12, "z = 3; w = (\\\n"),
])  # fmt: skip
def test_what_is_not_python_is_never_read_as_if_it_were(line: int, text: str) -> None:
    lines = OLD.splitlines(keepends=True)
    lines[line - 1] = text
    new = "".join(lines)
    part = windowed(OLD, new, line, line)
    try:
        whole = parse_python(new)
    except SyntaxError:
        assert part is None
    else:
        assert part is None or ast.dump(part) == ast.dump(whole)


def test_a_change_outside_the_lines_that_may_have_changed_is_seen() -> None:
    assert windowed(OLD, OLD.replace("import a", "import b"), 8, 8) is None
    assert windowed(OLD, OLD.replace("w = 4", "w = 5"), 8, 8) is None


def test_only_what_may_have_changed_is_read() -> None:
    texts: list[str] = []

    def read(text: str) -> ast.Module:
        texts.append(text)
        return parse_python(text)

    new = OLD.replace("return y", "return 5")
    tree = read_window(parse_python(OLD), Lines(OLD), Lines(new), (8, 8), read)
    assert tree is not None
    assert ast.dump(tree) == ast.dump(parse_python(new))
    assert [text.strip() for text in texts] == ["if 1:\n        return 5"]
