"""`new`: a spec to start from, made of one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import EditKind
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.scaffold import scaffold
from patcher.rewrite.check import check_patch
from patcher.rewrite.plan import plan_patches
from tests.rewrite.making import reading

SOURCE = b'''import torch


class A:
    """Doc."""

    @torch.no_grad()
    def f(self, x):
        y = g(x)  # call
        with torch.no_grad():
            z = y
            if z:
                z = "a: b"
        return z


LIMIT = {
    "a": 1,
}
'''

LINES = {
    "a decorator": (7, EditKind.DECORATOR, "A.f", "torch.no_grad()"),
    "a statement": (9, EditKind.MATCH, "A.f", "y = g(x)  # call"),
    "a with statement's header": (
        10, EditKind.MATCH, "A.f", "with torch.no_grad():\n    $$$BODY\n",
    ),
    "a nested statement": (13, EditKind.MATCH, "A.f", 'z = "a: b"\n'),
    "a line inside a longer statement": (18, EditKind.MATCH, "<module>",
                                         'LIMIT = {\n    "a": 1,\n}\n'),
    "an import": (1, EditKind.MATCH, "<module>", "import torch"),
}  # fmt: skip


@pytest.mark.parametrize("case", LINES.values(), ids=LINES.keys())
def test_it_starts_from(case: tuple[int, EditKind, str, str]) -> None:
    line, kind, within, pattern = case
    text = scaffold("mine", "pkg >=1", "a/m.py", line, SOURCE)
    (edit,) = read_spec(text, "patches/mine.yaml").edits
    assert (edit.kind, edit.within) == (kind, within)
    assert edit.pattern is not None
    assert edit.pattern.strip() == pattern.strip()
    assert edit.pattern == edit.replacement


def test_the_site_is_found_once_the_replacement_is_changed() -> None:
    text = scaffold("mine", "pkg", "m.py", 10, SOURCE)
    head, _, tail = text.rpartition("      with torch.no_grad():\n          $$$BODY\ntest:")
    changed = f"{head}      with torch.inference_mode():\n          $$$BODY\ntest:{tail}"
    patch = read_spec(changed, "patches/mine.yaml")
    plan = plan_patches([patch], reading({"m.py": SOURCE}))
    assert plan.ok
    expected = SOURCE.replace(b"with torch.no_grad()", b"with torch.inference_mode()")
    assert plan.files["m.py"] == expected


HARD = {
    "an elif": (
        "def f(x):\n    if x == 1:\n        return 1\n    elif x == 2:\n        return 2\n", 4),
    "the else of a chain": (
        "def f(x):\n    if x:\n        a()\n    elif y:\n        b()\n    else:\n        c()\n", 6),
    "an elif at the top": ("if x:\n    a()\nelif y:\n    b()\n", 3),
    "an elif on one line": ("def f(x):\n    if x: a()\n    elif y: b()\n", 3),
    "an else on one line": ("def f(x):\n    if x: a()\n    else: b()\n", 3),
    "an except": ("def f(x):\n    try:\n        a()\n    except E:\n        b()\n", 4),
    "an attribute after a decorated member": (
        "class C:\n    @property\n    def p(self): ...\n\n    x: int = 1\n", 5),
    "the decorator of a first member": ("class C:\n    @property\n    def p(self): ...\n", 2),
    "a case": ("def f(x):\n    match x:\n        case 1:\n            a()\n", 3),
    "a second statement of a line": ("def f(x):\n    a = 1; b = 2\n", 2),
    "a nested function": ("def f(x):\n    def g():\n        return 1\n    return g\n", 3),
    "a function of one line": ("def f(x): return 1\n", 1),
    "a while with an else": ("def f(x):\n    while x:\n        a()\n    else:\n        b()\n", 4),
}  # fmt: skip


@pytest.mark.parametrize("case", HARD.values(), ids=HARD.keys())
def test_the_printed_next_step_leads_to_a_check_that_passes(case: tuple[str, int]) -> None:
    source, line = case
    text = scaffold("mine", "pkg", "m.py", line, source.encode())
    patch = read_spec(text, "patches/mine.yaml")
    assert len(patch.tests) == 1
    (edit,) = patch.edits
    assert edit.replacement is not None
    new = "other" if edit.kind is EditKind.DECORATOR else "other()"
    if edit.replacement.startswith("elif"):
        new = edit.replacement.replace("elif y", "elif other").replace("x == 2", "x == 3")
    changed = replace(patch, edits=(replace(edit, replacement=new),))
    assert check_patch(changed) == []
    assert plan_patches([changed], reading({"m.py": source.encode()})).ok


CHAIN = """\
def f(x):
    if x == 1:
        a()
    elif (x ==
          2):
        # why
        b()
    elif x == 3: c()

    # otherwise
    else:
        # rest
        d()
"""
BRANCHES = {
    2: "if x == 1:\n    $$$BODY\nelif (x ==\n          2):\n    $$$BODY_2\n"
       "elif x == 3:\n    $$$BODY_3\nelse:\n    $$$ELSE",
    4: "elif (x ==\n          2):\n    $$$BODY",
    5: "elif (x ==\n          2):\n    $$$BODY",
    6: "elif (x ==\n          2):\n    $$$BODY",
    7: "b()",
    8: "c()",
    10: "elif x == 3:\n    $$$BODY\nelse:\n    $$$ELSE",
    11: "elif x == 3:\n    $$$BODY\nelse:\n    $$$ELSE",
    12: "elif x == 3:\n    $$$BODY\nelse:\n    $$$ELSE",
}  # fmt: skip


@pytest.mark.parametrize("line", BRANCHES)
def test_of_a_chain_it_takes_the_branch_that_the_line_is_in(line: int) -> None:
    text = scaffold("mine", "pkg", "m.py", line, CHAIN.encode())
    (edit,) = read_spec(text, "patches/mine.yaml").edits
    assert (edit.pattern or "").strip() == BRANCHES[line]


def test_a_fixture_without_its_sites_is_a_problem() -> None:
    patch = read_spec(scaffold("mine", "pkg", "m.py", 9, SOURCE), "patches/mine.yaml")
    edit = replace(patch.edits[0], pattern="y = k(x)", replacement="pass")
    actual = check_patch(replace(patch, edits=(edit,)))
    assert [each.message for each in actual] == ["no edit finds its site in `before`"]


def test_check_asks_for_the_replacement() -> None:
    patch = read_spec(scaffold("mine", "pkg", "m.py", 9, SOURCE), "patches/mine.yaml")
    assert [problem.message for problem in check_patch(patch)] == ["the replacement is the pattern"]


def test_a_line_without_code_is_refused() -> None:
    with pytest.raises(PatcherError, match="there is no code at") as caught:
        scaffold("mine", "pkg", "m.py", 2, SOURCE)
    assert caught.value.code == "usage"
