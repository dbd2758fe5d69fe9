"""Of a large file only the innermost statements around a site are given to LibCST."""

from __future__ import annotations

import ast

import pytest

from patcher.rewrite.matching.innermost import innermost
from patcher.rewrite.source import Source

CASES = {
    "a statement of the top level": ("a = 1\nb = here()\n", ["b = here()"]),
    "a method's statement, not its class": (
        "class A:\n    def f(self):\n        x = 1\n        return here()\n",
        ["        return here()"],
    ),
    "a with item takes its block along": (
        "def f():\n    with here():\n        x = 1\n    y = 2\n",
        ["    with here():\n        x = 1"],
    ),
    "a decorator takes its function along": (
        "class A:\n    @here()\n    def f(self):\n        pass\n\n    def g(self):\n        pass\n",
        ["    @here()\n    def f(self):\n        pass"],
    ),
    "an elif is part of its if": (
        "if a:\n    x = 1\nelif here():\n    x = 2\n",
        ["if a:\n    x = 1\nelif here():\n    x = 2"],
    ),
    "what stands below an elif does not need it": (
        "if a:\n    x = 1\nelif b:\n    x = here()\nelse:\n    x = 3\n",
        ["    x = here()"],
    ),
    "clauses of try and match": (
        "try:\n    a\nexcept E:\n    here()\nelse:\n    here()\nfinally:\n    here()\n"
        "match x:\n    case 1:\n        here()\n",
        ["    here()", "    here()", "    here()", "        here()"],
    ),
    "an except that has the site": (
        "try:\n    a\nexcept here():\n    b\n",
        ["try:\n    a\nexcept here():\n    b"],
    ),
    "a block on the line of its statement": ("if a: x = here()\ny = 1\n", ["if a: x = here()"]),
    "statements that share a line": (
        "def f():\n    a = 1; b = here()\n    c = 2\n",
        ["    a = 1; b = here()"],
    ),
    "a string of several lines": (
        'def f():\n    x = """\nhere()\n"""\n    y = 1\n',
        ['    x = """\nhere()\n"""'],
    ),
    "a line that goes on behind a backslash": (
        "a = 1; \\\nb = here()\n",
        ["a = 1; \\\nb = here()"],
    ),
    "a number sign in a string before a backslash": (
        "a = '#'; \\\nb = here()\n",
        ["a = '#'; \\\nb = here()"],
    ),
    "a number sign in a longer string before a backslash": (
        'a = """\n#"""; \\\nb = here()\n',
        ['a = """\n#"""; \\\nb = here()'],
    ),
    "a backslash at the end of a comment": ("a = '#'  # \\\nb = here()\n", ["b = here()"]),
    "nothing": ("def f():\n    away()\n", []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_innermost_statement_is(case: str) -> None:
    code, expected = CASES[case]
    source = Source("m.py", code.encode())
    spans = innermost(source, source.tree.body, lambda text: "here" in text)
    lines = code.splitlines()
    assert ["\n".join(lines[first - 1 : last]) for first, last in spans] == expected


def test_nothing_that_holds_the_site_is_left_out() -> None:
    """Of this very file: every call lies in one of the runs found for its own words."""
    with open(__file__, "rb") as file:
        source = Source(__file__, file.read())
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            words = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            spans = innermost(
                source,
                source.tree.body,
                lambda text, words=words: all(word in text for word in words),
            )
            end = node.end_lineno or node.lineno
            assert any(first <= node.lineno and end <= last for first, last in spans)
