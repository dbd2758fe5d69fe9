"""Syntax that older Pythons do not read."""

from __future__ import annotations

import sys

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.features import HERE, features, text_of, too_new
from patcher.rewrite.authoring.capture import capture
from patcher.rewrite.plan import PlanTarget, plan_patches
from patcher.rewrite.problem import render_problem
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


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 reads `except*`")
def test_except_and_except_star_are_named_as_what_differs() -> None:
    pattern = "    try:\n        a()\n    except E:\n        $$$R\n"
    edit = f"- file: m.py\n  match: |\n{pattern}  with: b()\n"
    plan = plan_patches([patch("p", edit)], tree(m="try:\n    a()\nexcept* E:\n    b()\n"))
    (problem,) = plan.problems
    assert "differs at `except` and `except*`" in render_problem(problem)


NEW = {
    "with": ((3, 9), "with (a as b, c as d):\n    pass\n", "`with` items in parentheses"),
    "decorator": ((3, 9), "@a[0].b\ndef f(): pass\n",
                  "a decorator that is no dotted name or call of one"),
    "for": ((3, 9), "for x in *a, b:\n    pass\n", "a star in what `for` goes over"),
    "match": ((3, 10), "match x:\n    case [1, *_]:\n        pass\n", "a `match` statement"),
    "walrus": ((3, 10), "a[x := 1]\n", "`:=` without parentheses in a subscript"),
    "set": ((3, 10), "y = {x := 1}\n", "`:=` without parentheses in a set"),
    "except*": ((3, 11), "try:\n    a()\nexcept* E:\n    b()\n", "`except*`"),
    "star": ((3, 11), "y = a[1, *b]\n", "a star in a subscript"),
    "annotation": ((3, 11), "def f(*a: *T): pass\n", "a star in an annotation"),
    "function": ((3, 12), "async def f[T: int, *Ts, **P](x: T) -> T: pass\n", "type parameters"),
    "class": ((3, 12), "class A[T](B): pass\n", "type parameters"),
    "type": ((3, 12), "type A = list[int]\n", "a `type` statement"),
    "quotes": ((3, 12), "y = f\"{d[\"k\"]}\"\n",
               "an f-string with the quotes of the string in a field"),
    "nested": ((3, 12), "y = f'{a:{f'{b}'}}'\n",
               "an f-string with the quotes of the string in a field"),
    "backslash": ((3, 12), "y = f'{\"\\n\".join(a)}'\n", "an f-string with a backslash in a field"),
    "break": ((3, 12), "y = f'{a +\n b}'\n", "an f-string with a line break in a field"),
    "comment": ((3, 12), "y = f\"\"\"{\n  a  # why\n}\"\"\"\n",
                "an f-string with a comment in a field"),
    "default": ((3, 13), "class A[T = int]: pass\n", "a default of a type parameter"),
    "template": ((3, 14), "y = t'{a}'\n", "a t-string"),
    "except": ((3, 14), "try:\n    a()\nexcept A, B:\n    b()\n",
               "`except` of several types without parentheses"),
    "except* of several": ((3, 14), "try:\n    a()\nexcept* A, B:\n    b()\n",
                           "`except` of several types without parentheses"),
}  # fmt: skip
NEWER = {name: each for name, each in NEW.items() if each[0] > HERE}
OLDER = {name: each for name, each in NEW.items() if each[0] <= HERE}
Row = tuple[tuple[int, int], str, str]


@pytest.mark.parametrize("row", NEW.values(), ids=NEW.keys())
def test_syntax_is_known_by_its_name_and_version(row: Row) -> None:
    since, code, name = row
    for text in (code, f"if x:\n    y = 1\n{_indented(code)}", f"y = 1  # {{a}}\n{code}"):
        assert (since, name) in {(each.since, each.name) for each in features(text)}
        assert too_new(text, (3, 8)) is not None
        assert too_new(text, (3, 20)) is None


def test_python_that_all_versions_read_has_none_of_it() -> None:
    code = (
        "with (a), b as c: pass\nwith (a): pass\n@a.b(1)\ndef f(x, /, *, y=(z := 1)): pass\n"
        "match = type = 1\ntry: pass\nexcept (A, B): pass\ny = f'{a!r:>{w}}' f\"{x['k']}\"\n"
        "z = f'''{x['k']}\\n{\n a}'''\nf(*a, **b)\n[*a, *b]\ny = a[(x := 1)], {(x := 1)}\n"
    )
    assert features(code) == []


@pytest.mark.parametrize("row", NEWER.values(), ids=NEWER.keys())
def test_a_source_that_this_python_does_not_read_is_refused_by_name(row: Row) -> None:
    edit = "- file: m.py\n  match: old()\n  with: new()\n"
    plan = plan_patches([patch("p", edit)], tree(m=f"old()\n{row[1]}"))
    (problem,) = plan.problems
    assert problem.code == "unsupported-source"
    assert f", Python {text_of(HERE)} does not read " in problem.message
    assert problem.hint.startswith("run patcher on Python 3.")


OTHERS = {
    "match": "  with: x\n", "with": "  match: old()\n", "body": "  within: f\n",
    "define": "", "before": "  with: x\n", "delete": "", "after": "  with: x\n",
}  # fmt: skip


@pytest.mark.parametrize("key", OTHERS)
@pytest.mark.parametrize("row", NEWER.values(), ids=NEWER.keys())
def test_a_spec_that_this_python_does_not_read_is_refused_by_name(row: Row, key: str) -> None:
    text = f"- file: m.py\n{OTHERS[key]}  {key}: |\n{_indented(row[1])}"
    with pytest.raises(PatcherError) as caught:
        patch("p", text)
    assert f"`{key}`: Python {text_of(HERE)} does not read " in caught.value.message
    assert (caught.value.hint or "").startswith("run patcher on Python 3.")


@pytest.mark.parametrize("row", NEWER.values(), ids=NEWER.keys())
def test_a_hand_edit_that_this_python_does_not_read_is_refused_by_name(row: Row) -> None:
    before, after = b"x = 1\n", f"x = 1\n{row[1]}".encode()
    with pytest.raises(PatcherError, match=f"Python {text_of(HERE)} does not read"):
        capture("mine", "pkg", {"m.py": (before, 0o644)}, {"m.py": (after, 0o644)})


@pytest.mark.parametrize("row", OLDER.values(), ids=OLDER.keys())
def test_a_replacement_that_the_targets_python_does_not_read_is_refused_by_name(row: Row) -> None:
    since, code, name = row
    one = patch("p", f"- file: m.py\n  match: old()\n  with: |\n{_indented(code)}")
    read, old = tree(m="def g():\n    old()\n    return 1\n"), (since[0], since[1] - 1)
    plan = plan_patches([one], read, PlanTarget(python=lambda: old))
    (problem,) = plan.problems
    assert (problem.code, problem.edit) == ("incompatible", 1)
    says = f"Python {text_of(old)} does not read {name} (new in {text_of(since)})"
    assert problem.message.startswith("m.py:")
    assert problem.message.endswith(f"{says}, and the target runs on it")
    assert not plan.files
    assert plan_patches([one], read, PlanTarget(python=lambda: since)).ok
    assert plan_patches([one], read).ok


PLACES = {
    "define": "- file: m.py\n  define: |\n    def h():\n        match 1:\n"
              "            case 1: pass\n",
    "body": "- file: m.py\n  within: g\n  body: |\n    match 1:\n        case 1: pass\n",
    "before": "- file: m.py\n  before: old()\n  with: |\n    match 1:\n        case 1: pass\n",
    "lines": "- file: m.py\n  lines: |2\n        old()\n  with: |2\n        match 1:\n"
             "            case 1: pass\n",
    "add-file": "- file: n.py\n  add-file: n.py\n",
}  # fmt: skip


@pytest.mark.parametrize("edit", PLACES.values(), ids=PLACES.keys())
def test_it_is_refused_wherever_a_patch_writes_it(edit: str) -> None:
    one = patch("p", edit, n__py="match 1:\n    case 1: pass\n")
    plan = plan_patches([one], tree(m="def g():\n    old()\n"), PlanTarget(python=lambda: (3, 9)))
    assert [(each.code, each.edit) for each in plan.problems] == [("incompatible", 1)]


def test_what_the_target_had_before_is_not_the_patchs() -> None:
    read = tree(m="match old():\n    case 1:\n        pass\n")
    one = patch("p", "- file: m.py\n  match: old()\n  with: new()\n")
    assert plan_patches([one], read, PlanTarget(python=lambda: (3, 9))).ok


def test_the_version_is_not_asked_for_without_need() -> None:
    def asked() -> tuple[int, int]:
        raise AssertionError

    one = patch("p", "- file: m.py\n  match: old()\n  with: new()\n")
    assert plan_patches([one], tree(m="old()\ny = f'{a}'\n"), PlanTarget(python=asked)).ok


def _indented(text: str) -> str:
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))
