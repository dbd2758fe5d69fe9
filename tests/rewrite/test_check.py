"""`check`: fixtures are run, and what can never work is named."""

from __future__ import annotations

import pytest

from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import Patch, PatchSet
from patcher.rewrite.check import check_names, check_patch
from patcher.rewrite.problem import render_problem
from tests.rewrite.making import patch, replacing


def with_test(edits: str, test: str) -> Patch:
    return patch("p", edits, head=f"test:\n{test}")


EDIT = "- file: m.py\n  match: f($X)\n  with: g($X)\n"


def said(each: Patch) -> list[str]:
    return [render_problem(problem) for problem in check_patch(each)]


def test_a_fixture_that_holds_is_silent() -> None:
    assert said(with_test(EDIT, "  - {before: f(1), after: g(1)}\n  - {noop: h(1)}\n")) == []


def test_a_fixture_that_does_not_hold_is_shown_as_a_diff() -> None:
    assert said(with_test(EDIT, "  - {before: f(1), after: g(2)}\n")) == [
        "error[check-failed]: p: `before` does not become `after`\n"
        "  --> patches/p.yaml:6:5\n"
        "  --- fixture\n"
        "  +++ result\n"
        "  @@ -1 +1 @@\n"
        "  -g(2)\n"
        "  +g(1)\n"
        "  help: change the fixture, or the edit"
    ]


def test_a_noop_that_is_changed() -> None:
    (problem,) = check_patch(with_test(EDIT, "  - {noop: f(1)}\n"))
    assert problem.message == "`noop` is changed"


def test_a_before_that_holds_no_site() -> None:
    (problem,) = check_patch(with_test(EDIT, "  - {before: h(1), after: g(1)}\n"))
    assert problem.message == "no edit finds its site in `before`"


def test_a_before_with_too_many_sites_is_the_edit_s_own_error() -> None:
    (problem,) = check_patch(with_test(EDIT, "  - {before: f(1) + f(2), after: g(1)}\n"))
    assert (problem.code, problem.edit) == ("ambiguous", 1)


def test_a_fixture_may_leave_out_sites_of_some_edits() -> None:
    edits = EDIT + "- file: m.py\n  match: a.b\n  with: a.c\n"
    assert said(with_test(edits, "  - {before: f(1), after: g(1)}\n")) == []


def test_a_replacement_that_is_the_pattern() -> None:
    (problem,) = check_patch(replacing("p", "f($X)", "f($X)"))
    assert problem.message == "the replacement is the pattern"


def test_a_replacement_that_would_be_replaced_again() -> None:
    (problem,) = check_patch(replacing("p", "$A + $B", "$B + $A"))
    assert problem.message == "the pattern matches what the replacement writes"


def test_names_that_no_patch_has_are_named_with_the_nearest() -> None:
    each = replacing("one", "f()", "g()", head="requires: [twoo]\ncompanions: [nothing]\n")
    two = replacing("two", "h()", "i()")
    known = {"one": each, "two": two}
    actual = check_names(known, {"s": PatchSet("s", "", ("one", "thre"))})
    assert [(p.patch, p.message, p.hint) for p in actual] == [
        ("one", "`requires` names twoo, which is no patch", "did you mean `two`?"),
        ("one", "`companions` names nothing, which is no patch", ""),
        ("@s", "the set names thre, which is no patch", ""),
    ]


def test_a_circle_of_requirements_is_named() -> None:
    each = replacing("one", "f()", "g()", head="requires: [two]\n")
    two = replacing("two", "h()", "i()", head="requires: [one]\n")
    (problem,) = check_names({"one": each, "two": two})
    assert problem.message == "patches require each other: one -> two -> one"


@pytest.mark.parametrize("name", load_catalogue().patches)
def test_the_shipped_patch(name: str) -> None:
    assert said(load_catalogue().get(name)) == []
