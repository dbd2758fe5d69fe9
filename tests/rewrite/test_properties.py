"""What holds for any Python and any series."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from random import Random

import libcst as cst
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from patcher.patchfile.model import Edit, EditKind, EditStatus, Expect, Patch
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.matching.parts import statements
from patcher.rewrite.matching.unify import Matcher, same
from patcher.rewrite.plan import PlanSeries, plan_patches
from patcher.rewrite.replay import replay
from tests.rewrite.grammar.cases import compiles, dump
from tests.rewrite.grammar.noise import noisy
from tests.rewrite.making import patch, reading


def programs() -> st.SearchStrategy[str]:
    """Any Python. To read its grammar takes seconds: not where tests are only collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hypothesmith

    return hypothesmith.from_grammar()


PROGRAMS = st.deferred(programs)
SLOW = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
PATIENT = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
SITE = patch(
    "p", "- file: m.py\n  within: target\n  match: old_site($X)\n  with: new_site($X, 1)\n"
)
PACKAGE = Path(__file__).resolve().parents[2] / "patcher"
REAL = [
    path.read_text("utf-8")
    for folder in ("patchfile", "rewrite")
    for path in sorted((PACKAGE / folder).rglob("*.py"))
]


@SLOW
@given(PROGRAMS, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_bytes_outside_the_site_never_change(code: str, first: bool, newline: str) -> None:
    target = newline.join(["def target():", "    return old_site( a )", ""])
    parts = [target, code] if first else [code if code.endswith("\n") else code + "\n", target]
    before = "".join(parts)
    assume(compiles(before) and before.count("old_site") == 1)
    plan = plan_patches([SITE], reading({"m.py": before.encode()}))
    assume(not any(problem.code == "unsupported-source" for problem in plan.problems))
    assert plan.ok
    assert plan.files == {"m.py": before.replace("old_site( a )", "new_site( a , 1)").encode()} or (
        plan.files == {"m.py": before.replace("old_site( a )", "new_site( a, 1 )").encode()}
    )


DECORATED = '@frozen\nclass Hole:\n    """One.\n\n    Two.\n    """\n\n    many: bool\n'
CONTINUED = 'x = a + \\\n    b\ny = [  # c\n    1,\n]\nz = f"{a!r:>{b}}"\n'


@PATIENT
@given(st.sampled_from(REAL), st.randoms(use_true_random=False))
@example(DECORATED, Random(1))
@example(CONTINUED, Random(2))
def test_formatting_and_comments_never_change_what_matches(text: str, random: Random) -> None:
    body = [each for each in ast.parse(text).body if not isinstance(each, ast.Expr)]
    assume(body)
    node = random.choice(body)
    assert node.end_lineno is not None
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    code = "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"
    other = noisy(code, random)
    assume(compiles(code))
    assert dump(other) == dump(code)
    pattern, target = statements(cst.parse_module(code)), statements(cst.parse_module(other))
    assert all(map(same, pattern, target))
    assert Matcher().match_run(pattern, target, 0) is not None


KINDS = [
    "  match: site_{n}($X)\n  with: other_{n}($X)\n",
    "  before: site_{n}($X)\n  with: before_{n}()\n",
    "  after: site_{n}($X)\n  with: after_{n}()\n",
    "  delete: site_{n}($X)\n",
    "  import: import module_{n}\n",
    "  within: f\n  decorator: ''\n  with: deco_{n}\n",
    "  define: |\n    def helper_{n}():\n        return {n}\n",
]


@st.composite
def series(draw: st.DrawFn) -> list[Patch]:
    """Patches on sites of their own, several of any kind."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    return [patch(f"p{n}", "- file: m.py\n" + kind.format(n=n)) for n, kind in enumerate(kinds)]


TREE = {
    "m.py": b"import os\n\n@first\ndef f():\n    # start\n"
    + b"".join(b"    site_%d(%d)  # %d\n" % (n, n, n) for n in range(6))
    + b"    return 1\n"
}


@settings(deadline=None, max_examples=25)
@given(series(), st.data())
def test_applying_then_reverting_in_any_order_is_the_identity(
    patches: list[Patch], data: st.DataObject
) -> None:
    read = reading(TREE)
    applied: list[Patch] = []
    for one in data.draw(st.permutations(patches)):
        planned = plan_patches(
            [one], reading({**TREE, **replay(read, applied)}), series=PlanSeries(applied)
        )
        assert planned.ok, planned.problems
        applied.append(one)
        assert {**TREE, **replay(read, applied)} == {
            **TREE, **replay(read, applied[:-1]), **planned.files
        }  # fmt: skip
    for one in data.draw(st.permutations(patches)):
        applied.remove(one)
        alone = plan_patches(applied, read)
        assert replay(read, applied) == dict(alone.files)
    assert replay(read, []) == {}


@settings(deadline=None, max_examples=40)
@given(series())
def test_planning_twice_changes_nothing_more(patches: list[Patch]) -> None:
    once = {**TREE, **replay(reading(TREE), patches)}
    for one in patches:
        again = plan_patches([one], reading(once))
        assert {**once, **again.files} == once


@SLOW
@given(PROGRAMS)
def test_any_file_is_planned_or_refused_with_a_message(code: str) -> None:
    assume("\0" not in code)
    try:
        content = code.encode()
    except UnicodeEncodeError:
        assume(False)
    anywhere = patch("p", "- file: m.py\n  match: $X + $Y\n  with: plus($X, $Y)\n  expect: all\n")
    plan = plan_patches([anywhere], reading({"m.py": content}))
    assert plan.ok or all(problem.message for problem in plan.problems)
    for after in plan.files.values():
        assert compiles(after.decode())


@PATIENT
@given(st.sampled_from(REAL), st.data())
def test_any_call_is_found_by_its_own_text_and_rewritten_where_it_stands(
    text: str, data: st.DataObject
) -> None:
    content = text.encode()
    tree = ast.parse(text)
    inside = {
        below
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for below in ast.walk(node)
    }
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and n not in inside]
    assume(calls)
    call = data.draw(st.sampled_from(calls))
    pattern = ast.get_source_segment(text, call)
    assume(pattern and "$" not in pattern and "µ" not in pattern)
    edit = Edit("m.py", EditKind.MATCH, None, pattern, "found_it(here)", Expect(1, None))
    result = rewrite_file("m.py", content, [edit], {})
    (outcome,) = result.outcomes
    assert outcome.status is EditStatus.READY, outcome
    assert (call.lineno, call.end_lineno) in {(s.line, s.end_line) for s in outcome.sites}
    assert result.content is not None
    after = ast.parse(result.content)
    actual = [n for n in ast.walk(after) if isinstance(n, ast.Call)]
    assert sum(ast.dump(each.func) == "Name(id='found_it', ctx=Load())" for each in actual) == (
        len(outcome.sites)
    )
