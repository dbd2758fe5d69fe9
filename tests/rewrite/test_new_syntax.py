"""Syntax that older Pythons do not read."""

from __future__ import annotations

import sys

import pytest

from patcher.rewrite.plan import plan_patches
from tests.rewrite.making import patch, tree

CASES = {
    "type parameters": (
        (3, 12),
        "def f[T: int](x: T) -> T:\n    return x\n",
        "match: |\n  def f[$$$T](x: $A) -> $A:\n      $$$B\n"
        "with: |\n  def g[$$$T](x: $A) -> $A:\n      $$$B\n",
        "def g[T: int](x: T) -> T:\n    return x\n",
    ),
    "a type alias": (
        (3, 12),
        "type A[T] = old[T]\n",
        "match: type A[$$$T] = old[$X]\nwith: type A[$$$T] = new[$X]\n",
        "type A[T] = new[T]\n",
    ),
    "except*": (
        (3, 11),
        "try:\n    f()\nexcept* OSError as e:\n    g(e)\n",
        "match: |\n  try:\n      $$$T\n  except* $E as $N:\n      g($N)\n"
        "with: |\n  try:\n      $$$T\n  except* $E as $N:\n      h($N)\n",
        "try:\n    f()\nexcept* OSError as e:\n    h(e)\n",
    ),
    "an f-string with its own quotes inside": (
        (3, 12),
        "x = old(f\"{d[\"k\"]}\", 1)\n",
        "match: old($X, 1)\nwith: new($X, 1)\n",
        "x = new(f\"{d[\"k\"]}\", 1)\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_rewrites(case: tuple[tuple[int, int], str, str, str]) -> None:
    since, before, edit, after = case
    if sys.version_info < since:
        pytest.skip(f"Python {'.'.join(map(str, since))} reads it")
    lines = "".join(f"  {line}\n" for line in edit.splitlines())
    plan = plan_patches([patch("p", "- file: m.py\n" + lines)], tree(m=before))
    assert plan.ok, plan.problems
    assert plan.files == {"m.py": after.encode()}
