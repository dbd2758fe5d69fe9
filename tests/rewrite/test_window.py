"""A text read where it differs from an older one has the tree that all of it has."""

from __future__ import annotations

import ast
from random import Random

import pytest

from patcher.patchfile.python import parse_python
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.oracle.sites import Lines
from patcher.rewrite.oracle.window import Read, find_windows, read_windows
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


def windowed(
    old: str, new: str, *touched: tuple[int, int], read: Read = parse_python
) -> ast.Module | None:
    tree, lines = parse_python(old), (Lines(old), Lines(new))
    return read_windows(tree, *lines, find_windows(tree, *lines, touched), read)


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
        part = windowed(case.source, new, *((site.line, site.end_line) for site in sites))
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
    part = windowed(OLD, new, (line, line))
    try:
        whole = parse_python(new)
    except SyntaxError:
        assert part is None
    else:
        assert part is None or ast.dump(part) == ast.dump(whole)


def test_a_change_outside_the_lines_that_may_have_changed_is_seen() -> None:
    assert windowed(OLD, OLD.replace("import a", "import b"), (8, 8)) is None
    assert windowed(OLD, OLD.replace("w = 4", "w = 5"), (8, 8)) is None


def test_only_what_may_have_changed_is_read() -> None:
    texts: list[str] = []

    def read(text: str) -> ast.Module:
        texts.append(text)
        return parse_python(text)

    new = OLD.replace("return y", "return 5").replace("import a", "import a\n\nimport b")
    tree = windowed(OLD, new, (1, 1), (8, 8), read=read)
    assert tree is not None
    assert ast.dump(tree) == ast.dump(parse_python(new))
    assert [text.strip() for text in texts] == ["import a\n\nimport b", "if 1:\n        return 5"]


@pytest.mark.parametrize(("before", "after", "touched"), [
    ("y = 2", "y = 3", [(4, 4), (7, 7), (12, 12)]),
    ("    @deco\n", "    # c\n    @other\n", [(4, 4), (10, 10)]),
    ("        return y\n", "        return y\n    y = 1\n", [(1, 1), (8, 8)]),
    ("w = 4", "w = 4\nv = 5", [(4, 4), (13, 13)]),
    ("import a", "import a, b", [(1, 1), (4, 4), (7, 7), (8, 8), (11, 11), (12, 12)]),
])  # fmt: skip
def test_what_differs_in_several_places_is_read_as_all_of_it_is(
    before: str, after: str, touched: list[tuple[int, int]]
) -> None:
    new = OLD.replace(before, after).replace("x = 1", "x = 1; x = 2")
    part = windowed(OLD, new, *touched, (4, 4))
    assert part is None or ast.dump(part) == ast.dump(parse_python(new))
    assert part is not None or "    y = 1" in new


def test_a_line_that_comes_again_between_two_places_is_not_taken_for_another() -> None:
    old = "a = 1\nb = 2\nc = 3\n"
    new = "a = 0\nb = 2\nx = 9\nb = 2\nc = 4\n"  # `b = 2` of the first place comes first
    part = windowed(old, new, (1, 1), (3, 3))
    assert part is None or ast.dump(part) == ast.dump(parse_python(new))


def test_what_is_written_between_two_statements_of_a_module_is_read_alone() -> None:
    texts: list[str] = []

    def read(text: str) -> ast.Module:
        texts.append(text.strip())
        return parse_python(text)

    new = OLD.replace("import a\n", "import a\nimport b\n").replace("return y", "return 5")
    part = windowed(OLD, new, (2, 2), (8, 8), read=read)
    assert part is not None
    assert ast.dump(part) == ast.dump(parse_python(new))
    assert texts == ["import b", "if 1:\n        return 5"]
