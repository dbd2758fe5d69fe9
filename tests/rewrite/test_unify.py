"""Matching is exact, repeated holes are equal, and the work is bounded."""

from __future__ import annotations

import libcst as cst
import pytest

from patcher.rewrite.matching import unify
from patcher.rewrite.matching.parts import statements
from patcher.rewrite.matching.pattern import compile_pattern
from patcher.rewrite.matching.unify import Matcher, TooManyStepsError, same
from patcher.rewrite.plan import plan_patches
from tests.rewrite.making import patch, tree


def expression(text: str) -> cst.BaseExpression:
    return cst.parse_expression(text)


def steps(pattern: str, text: str) -> int:
    """How many steps the exact match took."""
    matcher = Matcher()
    compiled = compile_pattern(pattern).expression
    assert compiled is not None
    matcher.match(compiled, expression(text))
    return matcher.steps


def test_a_match_without_repeated_holes_never_goes_back() -> None:
    pattern = "f(" + ", ".join(f"$$$A{i}, x" for i in range(8)) + ", $$$Z)"
    few, many = (steps(pattern, "f(" + "x, " * n + "y)") for n in (100, 200))
    assert few < 300
    assert many < 500


def test_the_relaxed_match_is_polynomial_in_nested_lists() -> None:
    nested = "x"
    for _ in range(12):
        nested = f"f({nested}, {nested.count('x')}, y)"
    pattern = "x"
    for _ in range(12):
        pattern = f"f($$$A, {pattern}, $$$B)"
    pattern = pattern.replace("$$$A", "$$$_").replace("$$$B", "$$$_")
    matcher = Matcher()
    compiled = compile_pattern(pattern).expression
    assert compiled is not None
    assert matcher.match(compiled, expression(nested)) is not None
    assert matcher.steps < 1_000


def test_the_worst_case_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unify, "MOST_STEPS", 20_000)
    pattern = "f($$$A, $$$B, $$$C, $$$A, $$$B, $$$C, z)"
    arguments = ", ".join("a" for _ in range(60))
    compiled = compile_pattern(pattern).expression
    assert compiled is not None
    with pytest.raises(TooManyStepsError):
        Matcher().match(compiled, expression(f"f({arguments}, b, z)"))


def test_the_worst_case_is_told_to_the_author(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unify, "MOST_STEPS", 20_000)
    hard = patch(
        "p", "- file: m.py\n  match: f($$$A, $$$B, $$$C, $$$A, $$$B, $$$C, z)\n  with: g()\n"
    )
    arguments = ", ".join("a" for _ in range(60))
    plan = plan_patches([hard], tree(m=f"f({arguments}, b, z)\n"))
    assert plan.problems[0].message == "the pattern matches in too many ways"


def test_each_sequence_hole_is_as_short_as_possible() -> None:
    compiled = compile_pattern("f($$$A, x, $$$B)").expression
    assert compiled is not None
    match = Matcher().match(compiled, expression("f(1, x, 2, x, 3)"))
    assert match is not None
    assert [len(match.bound[name]) for name in ("A", "B")] == [1, 3]


def test_a_repeated_sequence_hole_makes_the_match_look_further() -> None:
    compiled = compile_pattern("f($$$A, x, $$$A)").expression
    assert compiled is not None
    match = Matcher().match(compiled, expression("f(1, x, x, 1, x)"))
    assert match is not None
    assert len(match.bound["A"]) == 2


def test_a_hole_is_the_same_as_itself_only() -> None:
    assert same(expression("µX"), expression("(µX)"))
    assert not same(expression("µX"), expression("µY"))
    assert not same(expression("µX"), expression("a"))


def test_every_field_of_every_node_counts_or_is_formatting() -> None:
    source = (
        "@d\nasync def f(a, /, b: int = 1, *c, d, **e) -> g:\n"
        "    async with h as i, j: return await k\n"
        "    async for l in m: yield n\n    else: del o\n"
        "class p(q, metaclass=r): s: t = u; v += 1\n"
        "try: raise w from x\nexcept y as z: assert a, b\nelse: pass\nfinally: global c\n"
        "while d: continue\n[e for f in g if h]; {i: j, **k}; {l, *m}; (lambda n=1: o)\n"
        "p[q:r:s]; t if u else v; not w; -x; y ** z; a and b; c is not d; f'{e!r:>3}'; b'f'\n"
        "from ..g import h as i; import j.k; from l import *; m = yield from n\n"
        "match o:\n    case p.q(r, s=t) | [u, *v] | {'w': x, **y} | 1 as z if a: break\n"
    )
    tokens = [
        ("@d", "@e"), ("async def", "def"), ("/, ", ""), ("int", "str"), ("= 1,", "= 2,"),
        ("*c", "*x"), ("-> g", "-> h"), ("async with", "with"), (", j", ""), ("await k", "k"),
        ("async for", "for"), ("yield n", "yield m"), ("del o", "del p"), ("metaclass=", "meta="),
        ("s: t", "s: v"), ("v += 1", "v -= 1"), ("from x", "from y"), ("y as z", "y as x"),
        ("a, b\n", "a\n"), ("global c", "global d"), ("continue", "break"), ("if h", "if g"),
        ("**k}", "**m}"), ("*m}", "*n}"), ("n=1:", "n=2:"), ("q:r:s", "q:r"), ("if u", "if v"),
        ("not w", "+w"), ("-x", "~x"), ("y ** z", "y // z"), ("and", "or"), ("is not", "is"),
        ("!r", "!s"), ("b'f'", "'f'"), ("..g", ".g"), ("h as i;", "h;"), ("j.k", "j"),
        ("import *", "import a"), ("yield from", "yield"), ("s=t", "t=t"), ("*v]", "*u]"),
        ("**y}", "**z}"), ("1 as", "2 as"), ("if a:", "if b:"),
    ]  # fmt: skip
    original = statements(cst.parse_module(source))
    assert all(map(same, original, statements(cst.parse_module(source))))
    for old, new in tokens:
        changed = source.replace(old, new, 1)
        assert changed != source
        other = statements(cst.parse_module(changed))
        assert len(other) != len(original) or not all(map(same, original, other)), (old, new)
