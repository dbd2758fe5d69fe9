"""Expressions in f-strings: found, replaced in what the field can hold, or refused by name."""

from __future__ import annotations

import ast
import itertools
import json
import sys
from typing import Any

import pytest

from patcher.patchfile.model import EditStatus
from patcher.patchfile.python import parse_python
from patcher.patchfile.reader import read_spec
from patcher.rewrite import file as rewriting
from patcher.rewrite.authoring.capture import capture
from patcher.rewrite.plan import Plan, plan_patches
from patcher.rewrite.replay import replay
from patcher.rewrite.splice import Splice, apply
from tests.rewrite.grammar.cases import compiles
from tests.rewrite.making import patch, reading, tree

QUOTES = ('"', "'", '"""', "'''")
SHAPES = {
    "alone": "f{q}{{old(x)}}{q}",
    "between texts": "rF{q}é {{{{old(x)}}}} {{ old(x) }} }}}}{q}",
    "in a longer expression": "f{q}{{a + old(x)[0]}}{{x if old(x)else y}}{q}",
    "with a conversion": "f{q}{{old(x)!r}}{q}",
    "with a format": "F{q}{{old(x):>{{w}}}}{{x:%H:%M}}{q}",
    "in a format": "f{q}{{x!s:{{old(x)}}.{{w}}}}{q}",
    "in a format of a field that prints itself": "f{q}{{x=:{{w}}}}{{old(x)}}{q}",
    "in parentheses": "f{q}{{(old(x))}}{{[old(x)]}}{q}",
    "beside other strings": "'old(x)' f{q}{{old(x)}}{q} \"{{old(x)}}\"",
    "behind an escape": "f{q}\\{{old(x)}}\\n\\N{{DIGIT ONE}}{{old(x)}}{q}",
}
NEW = (
    "new(x)", "new(x, 'a')", 'd["k"]', "{1: x}", "{x}", "{i for i in x}", "[i for i in x]",
    "lambda: x", "lambda i=1: {i: x}", "(y := x)", "x != 1", "x == 1", "a, x", "(a, x)",
    "x if a else b", "not x", "-x", "x or 'b'", '"don\'t"', "'say \"hi\"'", '"""a"""', "f'{a}'",
    "x[1:2]", "x[a, 'b']", "\"\\n\"", "r'\\d'", "b'x'", "(\n    x,\n    1)", "'a' 'b'", '""',
    "(x  # why\n )", "'''a\nb'''", "f'''{a}\"'''", "None", "1.0",
)  # fmt: skip
_CALL = ast.dump(ast.parse("old(x)", mode="eval").body)


class _Replace(ast.NodeTransformer):
    def __init__(self, new: str) -> None:
        self.new = ast.parse(new, mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self.new if ast.dump(node) == _CALL else self.generic_visit(node)


def planned(before: str, old: str, new: str, expect: str = "all") -> Plan:
    edit = f"match: {json.dumps(old)}\n  with: {json.dumps(new)}\n"
    return plan_patches(
        [patch("p", f"- file: m.py\n  {edit}  in-f-strings: true\n  expect: {expect}\n")],
        tree(m=before),
    )


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_what_is_written_is_the_tree_with_the_nodes_replaced(shape: str) -> None:
    refused = 0
    for quote, new in itertools.product(QUOTES, NEW):
        before = f"y = {shape.format(q=quote)}\n"
        if quote in shape.replace("{q}", ""):
            continue
        plan = planned(before, "old(x)", new)
        if not plan.ok:
            refused += 1
            assert plan.problems[0].message.startswith("cannot write the replacement there: it has")
            continue
        after = (plan.files["m.py"] or b"").decode()
        expected = _Replace(new).visit(parse_python(before))
        assert ast.dump(parse_python(after)) == ast.dump(expected), (before, new, after)
        assert (after.count("\n"), "  " in after) == (before.count("\n"), "  " in before) or (
            "\n" in new
        )
    assert refused <= 30 if sys.version_info < (3, 12) else not refused


OLD_RULES = {
    'd["\\n"]': "a backslash",
    "r'\\d'": "a backslash",
    "'''it's \"so\"'''": 'the quote " of the f-string around it',
    "'''a\nb'''": "a line break",
    "new(x,  # why\n    1)": "a comment",
}


@pytest.mark.parametrize("new", OLD_RULES)
def test_what_a_field_cannot_hold_is_refused_by_name(new: str) -> None:
    plan = planned('y = f"{old(x)}"\n', "old(x)", new)
    if sys.version_info >= (3, 12):
        assert plan.ok
        return
    (problem,) = plan.problems
    what = f"it has {OLD_RULES[new]}, which a field of an f-string cannot hold before Python 3.12"
    assert problem.message == f"cannot write the replacement there: {what}"
    assert problem.hint


HOSTILE = {
    "the same text twice, the second meant": (
        'y = f"{old(a)} {g(old(b))}"\n', "g(old($X))", "h($X)", 'y = f"{old(a)} {h(b)}"\n'),
    "an f-string in an f-string": (
        """y = f"{old(1)} {f'{old(2)}'}"\n""", "old(2)", "{2}",
        """y = f"{old(1)} {f'{ {2}}'}"\n"""),
    "lines that end in carriage returns": (
        'y = f"""\r\n{old(a)}\r\n"""\r\n', "old($X)", "new($X)", 'y = f"""\r\n{new(a)}\r\n"""\r\n'),
    "tabs and an indented field": (
        'def f():\n\treturn f"""\n\t{\n\told(a)\n\t}"""\n', "old($X)", "new($X)",
        'def f():\n\treturn f"""\n\t{\n\tnew(a)\n\t}"""\n'),
    "a word right before": (
        'def f():\n    return(f"{x if(old(a))else b}")\n', "old($X)", "$X",
        'def f():\n    return(f"{x if(a)else b}")\n'),
    "a keyword right before": (
        'y = f"{x or(old(a), b)}"\n', "(old($X), b)", "$X", 'y = f"{x or a}"\n'),
    "what stands beside in the line": (
        'a = 1; y = f"{old(a)}"; \\\nz = "#" # {old(a)}\n', "old($X)", "new($X)",
        'a = 1; y = f"{new(a)}"; \\\nz = "#" # {old(a)}\n'),
    "a message of an assertion": (
        'assert old(b), f"{old(a)}"\n', "old(a)", "new(a)", 'assert old(b), f"{new(a)}"\n'),
    "a decorator and a default": (
        '@d(f"{old(a)}")\ndef f(x=1): pass\n', "old(a)", "new(a)",
        '@d(f"{new(a)}")\ndef f(x=1): pass\n'),
    "a dictionary's key": (
        'y = {f"{old(a)}": {1: f"{b}"}}\n', "old(a)", "{1: a}",
        'y = {f"{ {1: a}}": {1: f"{b}"}}\n'),
    "arguments": (
        'y = f"{old(a, b=1)}"\n', "old($$$A, b=1)", "new($$$A)", 'y = f"{new(a)}"\n'),
    "a string that looks like a field": (
        """y = f"{old('{old(1)}')}"\n""", "old($X)", "new($X)", """y = f"{new('{old(1)}')}"\n"""),
    "a quote in a format": (
        """y = f'{old(a):"^10}'\n""", "old(a)", 'new("a")', """y = f'{new("a"):"^10}'\n"""),
    "a letter before a string": (
        """y = f'{a if"b"else old(a)}'\n""", "old(a)", "new(a)",
        """y = f'{a if"b"else new(a)}'\n"""),
    "an inequality and a conversion": (
        'y = f"{a!=old(b)!r}"\n', "old(b)", "b != c", 'y = f"{a!=(b != c)!r}"\n'),
    "a tuple without parentheses": (
        'y = f"{ a, b }{a,}"\n', "(a, b)", "{a}", 'y = f"{ {a} }{a,}"\n'),
    "a yield": (
        'def f():\n    y = f"{(yield old(a))}"\n', "old(a)", "(yield)",
        'def f():\n    y = f"{(yield (yield))}"\n'),
    "an encoding cookie": (
        '# -*- coding: utf-8 -*-\ny = f"ä{old(é)}"\n', "old($X)", "new($X)",
        '# -*- coding: utf-8 -*-\ny = f"ä{new(é)}"\n'),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_rewrites(case: tuple[str, str, str, str]) -> None:
    before, old, new, after = case
    plan = planned(before, old, new, expect="1")
    assert plan.ok, plan.problems
    assert (plan.files["m.py"] or b"").decode() == after
    again = planned(after, old, new, expect="1")
    assert [edit.status for each in again.patches for edit in each.edits] != [EditStatus.READY]


# A pattern such as `$A and $B` also finds `a and b` in `a and b and c`: the tree is read in pairs.
FIELDS = (
    "old(x) and b and c", "b and c and old(x)", "(b and old(x)) and c", "a or b and old(x) and c",
    "b and (c or old(x) or a) and d", "old(x) if a and b and c else d", "'a' 'b' and a and old(x)",
    "u'a' and old(x) and b", "u'a' 'b' + old(x)", "(lambda a, *, b=old(x), **k: a and b and c)",
    "(y := old(x) and a and b)", "(yield old(x))", "(yield)or old(x)or a", "(await old(x))",
    "*a, b and c and old(x)", "*a, old(x),", "[{**a, 'k': old(x) and a and b}]",
    "[a for a in old(x) if a and b and c]", "a[old(x):b:c]", "a[old(x), ...]",
    "g(*a, k=1, *old(x))", "g(old(x) for x in y)", "not a and not old(x) and not b",
    "a != old(x) and b and c", "((old(x))) and ((a)) and b", "f'{old(x)}' and a and b",
    "f'a' 'b' f'{old(x)}'", "'a' f'{a and old(x) and b!r:>{w or v or u}}'",
    "(a\n and old(x)\n and b)", "a@-old(x)**2",
)  # fmt: skip
AROUND = (
    'async def f():\n\tx = a and b and f"""é {{{{\\N{{EM DASH}} {{w:{{w and v and u}}>3}}'
    '{{ {} !r:>3}}{{a or b or c}}{{x = }}""" "{{z}}" and c  # c\n'
)
SWAPS = (
    ("old($X)", "new($X)"), ("$A and $B", "f($A, $B)"), ("$A or old(x)", "new(x) or $A"),
    ("$A and old(x)", "$A"), ("old(x) and $B", "$B and n"),
)  # fmt: skip


def test_whatever_a_field_holds_is_read() -> None:
    ready = 0
    for field, (old, new) in itertools.product(FIELDS, SWAPS):
        before = AROUND.format(field)
        assert compiles(before), before
        plan = planned(before, old, new)
        codes = {each.code for each in plan.problems}
        assert codes <= {"missing"}, (before, old, plan.problems)
        ready += plan.ok
    assert ready > 70


@pytest.mark.skipif(sys.version_info < (3, 12), reason="fields hold any code since Python 3.12")
def test_a_field_with_the_quotes_of_its_string() -> None:
    before = 'y = f"{old(d["k"])} {old(f"{old(1)}")}"\n'
    plan = planned(before, 'old(d["k"])', 'new("a")', expect="1")
    assert plan.files == {"m.py": b'y = f"{new(\'a\')} {old(f"{old(1)}")}"\n'}


def test_all_sites_that_f_strings_hold_are_named_when_they_are_left() -> None:
    edit = "- file: m.py\n  match: old($X)\n  with: new($X)\n  expect: "
    before = 'y = old(a)\nz = f"{old(a)} {old(b)}"\nt = "old(a)"\n'
    plan = plan_patches([patch("p", f"{edit}all\n")], tree(m=before))
    note = "m.py:2 has a site in an f-string, which is left alone without `in-f-strings: true`"
    assert plan.notes == (f"p: {note}",)
    assert not plan_patches([patch("p", f"{edit}1\n")], tree(m=before)).notes


def test_it_is_already_there() -> None:
    after = 'y = f"{new(a)}"\n'
    plan = planned(after, "old($X)", "new($X)")
    assert [edit.status for each in plan.patches for edit in each.edits] == [EditStatus.ALREADY]
    edit = "- file: m.py\n  match: old($X)\n  with: new($X)\n"
    plan = plan_patches([patch("p", edit)], tree(m=after))
    assert [edit.status for each in plan.patches for edit in each.edits] == [EditStatus.MISSING]


def test_a_series_is_replayed() -> None:
    edit = "- file: m.py\n  match: {}($X)\n  with: {}($X)\n  in-f-strings: true\n"
    series = [patch("p", edit.format("a", "b")), patch("q", edit.format("b", "c"))]
    pristine = {"m.py": b'y = f"{a(1)}"\n'}
    assert replay(reading(pristine), series) == {"m.py": b'y = f"{c(1)}"\n'}


CAPTURED = {
    "a field": ('y = f"{old(a)} b"\n', 'y = f"{new(a)} b"\n'),
    "a text between fields": ("y = f'{a} b {c}'\n", "y = f'{a} d {c}'\n"),
    "a format": ("y = f'{a:>{w}}'\nz = 1\n", "y = f'{a:<{w + 1}}'\nz = 1\n"),
    "a line of a longer one": ('y = f"""\n{a}\n{b}\n"""\n', 'y = f"""\n{a}\n{b!r}\n"""\n'),
    "one part of several": ("y = ('a'\n     f'{b}'  # b\n     'c')\n",
                            "y = ('a'\n     f'{d}'  # b\n     'c')\n"),
    "an f-string for a string": ("y = 'a'\n", "y = f'{a}'\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", CAPTURED.values(), ids=CAPTURED.keys())
def test_an_edit_made_by_hand_is_captured(case: tuple[str, str]) -> None:
    before, after = (text.encode() for text in case)
    made = capture("mine", "pkg", {"m.py": (before, 0o644)}, {"m.py": (after, 0o644)})
    read = read_spec(made.text, "patches/mine.yaml", made.attachments)
    assert replay(reading({"m.py": before}), [read]) == {"m.py": after}


WRONG = {
    "another name": ("new", "now"),
    "another field": ("{b}", "{c}"),
    "a text": (" and ", " or "),
    "a format": (":>3", ":<3"),
    "a conversion": ("!r", "!s"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_the_second_opinion_sees_what_is_wrong_in_an_f_string(
    wrong: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def badly(text: str, splices: Any) -> str:
        made: list[Splice] = list(splices)
        return apply(text, made).replace(*wrong) if made else apply(text, made)

    monkeypatch.setattr("patcher.rewrite.splice.apply", badly)
    edit = "- file: m.py\n  match: old($X)\n  with: new($X)\n  in-f-strings: true\n"
    (edit_,) = patch("p", edit).edits
    before = b'x = 1\ny = f"{old(a)!r:>3} and {b}"\n'
    (outcome,) = rewriting.rewrite_file("m.py", before, [edit_], {}).outcomes
    assert outcome.code == "rewrite-disagrees"
