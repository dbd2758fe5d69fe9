"""A comment that an edit cannot keep is named before it is lost."""

from __future__ import annotations

import json

import pytest

from patcher.rewrite.cached import Cached
from patcher.rewrite.plan import plan_patches
from tests.rewrite.making import patch, tree

LOSING = {
    "a deleted statement": (
        "  delete: log($X)\n",
        "a(x)\nlog(x)  # noise\nb(x)\n",
        ["m.py:2 loses its comment: # noise"],
    ),
    "a block that becomes one expression": (
        "  match: |\n    for $V in $I:\n        yield $V\n  with: yield from $I\n",
        "def f(a):\n    for x in a:\n        # why\n        yield x\n",
        ["m.py:3 loses its comment: # why"],
    ),
    "an argument's comment when the call goes": (
        "  match: old($X)\n  with: $X\n",
        "x = old(\n    a + b  # c\n)\n",
        ["m.py:2 loses its comment: # c"],
    ),
    "an element that is taken out": (
        "  match: f($$$A, b)\n  with: f($$$A)\n",
        "f(\n    a,  # one\n    b,  # two\n)\n",
        ["m.py:3 loses its comment: # two"],
    ),
    "a decorator that is taken off": (
        "  within: f\n  decorator: d\n  with: ''\n",
        "@d  # why\ndef f(): ...\n",
        ["m.py:1 loses its comment: # why"],
    ),
    "a body that is replaced": (
        "  within: f\n  body: return 2\n",
        "def f():\n    # old way\n    a = 1  # one\n    return a\n",
        ["m.py:3 loses its comment: # one"],
    ),
}


@pytest.mark.parametrize("case", LOSING.values(), ids=LOSING.keys())
def test_it_is_named(case: tuple[str, str, list[str]]) -> None:
    edit, before, notes = case
    losing = patch("p", "- file: m.py\n" + edit)
    planned = plan_patches([losing], tree(m=before))
    assert planned.ok, planned.problems
    assert list(planned.patches[0].edits[0].notes) == notes


def test_a_comment_that_another_one_starts_with_is_not_named() -> None:
    old, new = "@d\ndef f():\n    $$$B", "if x:\n    @d\n    def f():\n        $$$B"
    wrapping = patch("p", f"- file: m.py\n  match: {json.dumps(old)}\n  with: {json.dumps(new)}\n")
    planned = plan_patches([wrapping], tree(m="@d  # cd\ndef f():\n    a()  # c\n# c\nb()\n"))
    assert planned.patches[0].edits[0].notes == ()
    assert b"    @d  # cd\n    def f():\n        a()  # c\n# c\n" in (planned.files["m.py"] or b"")


def test_a_kept_result_names_it_too() -> None:
    losing = patch("p", "- file: m.py\n  delete: log($X)\n")
    rewrite = Cached({})
    for _ in range(2):
        planned = plan_patches([losing], tree(m="log(1)  # noise\n"), rewrite=rewrite)
        assert planned.patches[0].edits[0].notes == ("m.py:1 loses its comment: # noise",)


def test_nothing_is_said_where_all_comments_stay() -> None:
    keeping = patch("p", "- file: m.py\n  match: old($X)\n  with: new($X)\n")
    planned = plan_patches([keeping], tree(m="x = old(a)  # why\n"))
    assert planned.patches[0].edits[0].notes == ()
