"""The second opinion: it agrees with what edits say, and with nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from patcher.errors import TABLE, Exit
from patcher.patchfile.model import EditStatus
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.oracle.check import check
from patcher.rewrite.plan import plan_patches
from patcher.rewrite.problem import render_problem
from tests.rewrite.making import patch, tree

SOURCE = (
    'import os\n\n\ndef f(x):\n    check(x)  # first\n    assert x, "need x"\n'
    "    # why\n    y = old(x, 1)  # call\n    return(x, y)\n"
)
WRONG = {
    "a message that is left behind": (
        '  match: assert x, $M\n  with: validate(x)\n',
        SOURCE.replace('assert x, "need x"', 'validate(x), "need x"'),
        "line 6 of the result is not what the edits say",
    ),
    "words that are glued": (
        "  match: (x, y)\n  with: z\n",
        SOURCE.replace("return(x, y)", "returnz"),
        "line 9 of the result is not what the edits say",
    ),
    "an argument that is lost": (
        "  match: old($X, $Y)\n  with: new($Y, $X)\n",
        SOURCE.replace("old(x, 1)", "new(1)"),
        "line 8 of the result is not what the edits say",
    ),
    "parentheses that are lost": (
        "  match: old($X, $Y)\n  with: ($X + $Y) * 2\n",
        SOURCE.replace("old(x, 1)", "x + 1 * 2"),
        "line 8 of the result is not what the edits say",
    ),
    "a site that was not rewritten": (
        "  match: old($X, $Y)\n  with: new($Y, $X)\n",
        SOURCE,
        "line 8 of the result is not what the edits say",
    ),
    "a change elsewhere": (
        "  match: old($X, $Y)\n  with: new($X, $Y)\n",
        SOURCE.replace("old(x, 1)", "new(x, 1)").replace("import os", "import sys"),
        "line 1 of the result is not what the edits say",
    ),
    "a statement too many": (
        "  delete: check($X)\n",
        SOURCE.replace("    check(x)  # first\n", "    pass\n"),
        "line 5 of the result is not what the edits say",
    ),
    "a line that moved out of its block": (
        "  after: $Y = old($$$A)\n  with: z = 1\n",
        SOURCE.replace("# call\n", "# call\nz = 1\n").replace("    return(x, y)\n", ""),
        "line 4 of the result is not what the edits say",
    ),
    "blank lines that went, far from the site": (
        "  match: old($X, $Y)\n  with: new($X, $Y)\n",
        SOURCE.replace("old(x, 1)", "new(x, 1)").replace("\n\n\n", "\n\n"),
        "lines before the sites have changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_it_sees(case: tuple[str, str, str]) -> None:
    edit, wrong, message = case
    edits = patch("p", "- file: m.py\n" + edit).edits
    right = rewrite_file("m.py", SOURCE.encode(), edits, {})
    assert right.content is not None
    syntax = ast.parse(SOURCE)
    assert check(SOURCE, syntax, right.content.decode(), right.outcomes).disagreement == ""
    assert check(SOURCE, syntax, wrong, right.outcomes).disagreement == message


def test_a_comment_that_goes_is_named() -> None:
    edits = patch("p", "- file: m.py\n  match: old($X, $Y)\n  with: new($X, $Y)\n").edits
    right = rewrite_file("m.py", SOURCE.encode(), edits, {})
    less = SOURCE.replace("old(x, 1)  # call", "new(x, 1)")
    opinion = check(SOURCE, ast.parse(SOURCE), less, right.outcomes)
    assert [(each.text, each.line) for each in opinion.lost] == [("# call", 8)]


def test_a_disagreement_shows_both_trees_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("patcher.rewrite.splice.in_word", lambda character: False)
    glued = patch("p", "- file: m.py\n  match: (x, y)\n  with: z\n")
    planned = plan_patches([glued], tree(m="def f(x, y):\n    return(x, y)\n"))
    assert planned.files == {}
    assert planned.patches[0].edits[0].status is EditStatus.BLOCKED
    assert render_problem(planned.problems[0]) == (
        "error[rewrite-disagrees]: p, edit 1: m.py: line 2 of the result is not what "
        "the edits say\n"
        "  --> patches/p.yaml:6:5\n"
        "  expected: Return(Name(z))\n"
        "  written:  Expr(Name(returnz))\n"
        "  help: nothing was written; say the edit another way, and report this one as a defect"
    )


def test_a_disagreement_is_a_refusal() -> None:
    assert TABLE["rewrite-disagrees"].exit is Exit.REFUSED


def test_it_shares_no_code_with_what_it_checks() -> None:
    import patcher.rewrite.oracle as package

    for path in package.__path__:
        for file in Path(path).rglob("*.py"):
            imported = [
                node.module or ""
                for node in ast.walk(ast.parse(file.read_text("utf-8")))
                if isinstance(node, ast.ImportFrom)
            ]
            own = [each for each in imported if each.startswith("patcher.rewrite")]
            others = [each for each in own if not each.startswith("patcher.rewrite.oracle")]
            assert set(others) <= {"patcher.rewrite.outcome"}
