"""Several patches: order, needs, conflicts, drift, and all problems at once."""

from __future__ import annotations

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import EditStatus
from patcher.rewrite.commuting import not_commuting
from patcher.rewrite.plan import PlanSeries, PlanTarget, in_order, plan_patches
from patcher.rewrite.problem import render_problem
from tests.rewrite.making import patch, reading, replacing, tree

A = replacing("a", "one(1)", "two(1)")
B = replacing("b", "two($X)", "three($X)")
NEEDS_A = replacing("needs_a", "two(1)", "three(1)", head="requires: [a]\n")


def test_a_patch_comes_after_those_it_requires() -> None:
    plan = plan_patches([NEEDS_A, A], tree(m="x = one(1)\n"))
    assert [each.patch.name for each in plan.patches] == ["a", "needs_a"]
    assert plan.files == {"m.py": b"x = three(1)\n"}


def test_a_patch_whose_need_is_not_met_is_blocked() -> None:
    plan = plan_patches([NEEDS_A], tree(m="x = two(1)\n"))
    assert plan.patches[0].status is EditStatus.BLOCKED
    assert [render_problem(problem) for problem in plan.problems] == [
        "error[blocked]: needs_a: it requires a, which is not applied\n"
        "  --> patches/needs_a.yaml\n"
        "  help: `patcher apply a needs_a`"
    ]
    assert not plan.files


def test_a_need_is_met_by_the_series() -> None:
    plan = plan_patches([NEEDS_A], tree(m="x = two(1)\n"), series=PlanSeries([A]))
    assert plan.ok


def test_patches_that_require_each_other_are_refused() -> None:
    one = replacing("one", "f()", "g()", head="requires: [two]\n")
    two = replacing("two", "h()", "i()", head="requires: [one]\n")
    with pytest.raises(PatcherError, match="one -> two -> one"):
        in_order([one, two])


def test_declared_conflicts_are_refused_from_either_side() -> None:
    against = replacing("against", "f()", "g()", head="conflicts: [a]\n")
    for asked, applied in (([A], [against]), ([against], [A])):
        plan = plan_patches(asked, tree(m="x = one(1)\nf()\n"), series=PlanSeries(applied))
        assert plan.problems[0].code == "conflict"
        assert plan.problems[0].hint == f"`patcher revert {applied[0].name}` first"


def test_a_site_that_an_earlier_patch_changed_is_a_conflict_by_name() -> None:
    other = replacing("other", "one(1)", "nine(1)")
    plan = plan_patches([A, other], tree(m="x = one(1)\n"))
    assert plan.patches[1].status is EditStatus.CONFLICT
    assert plan.problems[0].headline == "other, edit 1: a changed its site"
    assert plan.files == {"m.py": b"x = two(1)\n"}


def test_a_patch_that_only_edits_the_same_file_is_not_to_blame() -> None:
    beside, other = replacing("beside", "zero()", "none()"), replacing("other", "one(1)", "nine(1)")
    plan = plan_patches([beside, A, other], tree(m="x = one(1)\ny = zero()\n"))
    assert plan.problems[0].headline == "other, edit 1: a changed its site"
    assert plan.problems[0].hint == "apply other without a"


def test_a_site_that_the_series_changed_is_a_conflict_by_name() -> None:
    other = replacing("other", "one(1)", "nine(1)")
    plan = plan_patches(
        [other], tree(m="x = two(1)\n"), series=PlanSeries([A], tree(m="x = one(1)\n"))
    )
    assert plan.problems[0].headline == "other, edit 1: a changed its site"


def test_a_patch_of_the_series_is_already_applied() -> None:
    plan = plan_patches([A], tree(m="x = two(1)\n"), series=PlanSeries([A]))
    assert plan.patches[0].status is EditStatus.ALREADY
    assert not plan.files


def test_a_drifted_file_is_not_planned_on() -> None:
    plan = plan_patches([A], tree(m="x = one(1)  # mine\n"), series=PlanSeries(drifted=["m.py"]))
    (problem,) = plan.problems
    assert problem.code == "drift"
    assert problem.message == "m.py was edited since patcher wrote it"
    assert plan.patches[0].edits[0].status is EditStatus.DRIFTED


def test_another_version_is_incompatible() -> None:
    plan = plan_patches([A], tree(m="x = one(1)\n"), PlanTarget("1.0", "other"))
    assert plan.problems[0].code == "incompatible"
    assert plan.problems[0].message == "it is for pkg, this is other 1.0"


def test_all_problems_of_all_patches_are_reported_at_once() -> None:
    first = patch(
        "first",
        "- file: m.py\n  match: f($X)\n  with: g($X)\n"
        "- file: gone.py\n  match: f(1)\n  with: g(1)\n"
        "- file: m.py\n  match: nothing.here\n  with: else_where\n",
    )
    second = replacing("second", "h()", "i()", head="requires: [third]\n")
    plan = plan_patches([first, second], tree(m="f(1)\nf(2)\n"))
    assert [(p.patch, p.edit, p.code) for p in plan.problems] == [
        ("first", 1, "ambiguous"),
        ("first", 2, "missing"),
        ("first", 3, "missing"),
        ("second", None, "blocked"),
        ("second", 1, "missing"),
    ]
    error = plan.error()
    assert error.code == "ambiguous"
    assert error.where == "patches/first.yaml:6:5"
    assert sum(note.startswith("error[") for note in error.notes) == 4


def test_one_problem_leaves_the_whole_patch_out() -> None:
    two = patch(
        "two",
        "- file: m.py\n  match: f(1)\n  with: g(1)\n- file: n.py\n  match: f(1)\n  with: g(1)\n",
    )
    plan = plan_patches([two], tree(m="f(1)\n", n="h(1)\n"))
    assert not plan.files


def test_edits_of_one_patch_look_at_the_same_text() -> None:
    both = patch(
        "both",
        "- file: m.py\n  match: f(1)\n  with: g(1)\n- file: m.py\n  match: g(1)\n  with: h(1)\n",
    )
    plan = plan_patches([both], tree(m="f(1)\n"))
    assert plan.patches[0].edits[0].status is EditStatus.READY
    assert plan.patches[0].edits[1].status is EditStatus.MISSING


def test_edits_of_one_patch_that_overlap_are_refused() -> None:
    both = patch(
        "both",
        "- file: m.py\n  match: f(1)\n  with: g(1)\n- file: m.py\n  match: f($X)\n  with: h($X)\n",
    )
    plan = plan_patches([both], tree(m="f(1)\n"))
    assert (
        plan.problems[0].headline
        == "both, edit 2: it changes what another edit of this patch changes"
    )


def test_pairs_whose_order_matters_are_named() -> None:
    read = tree(m="x = one(1)\n")
    before = patch("before", "- file: m.py\n  before: x = one(1)\n  with: a = 1\n")
    also = patch("also", "- file: m.py\n  before: x = one(1)\n  with: b = 2\n")
    assert plan_patches([before, also], read).not_commuting == (("before", "also"),)
    apart = replacing("apart", "x = $V", "y = $V")
    assert not_commuting([A, apart], read) == ()


def test_pairs_of_different_files_commute() -> None:
    assert (
        not_commuting([A, replacing("n", "f()", "g()", "n.py")], tree(m="one(1)\n", n="f()\n"))
        == ()
    )


def test_a_file_that_travels_with_the_spec_is_added() -> None:
    adding = patch("adding", "- file: pkg/fast.py\n  add-file: fast.py\n", fast__py="x = 1\n")
    plan = plan_patches([adding], tree())
    assert plan.before == {"pkg/fast.py": None}
    assert plan.files == {"pkg/fast.py": b"x = 1\n"}


def test_a_file_that_is_there_already_is_left() -> None:
    adding = patch("adding", "- file: fast.py\n  add-file: fast.py\n", fast__py="x = 1\n")
    assert plan_patches([adding], tree(fast="x = 1\n")).patches[0].status is EditStatus.ALREADY


def test_a_file_that_is_there_with_other_content_is_a_conflict() -> None:
    adding = patch("adding", "- file: fast.py\n  add-file: fast.py\n", fast__py="x = 1\n")
    plan = plan_patches([adding], tree(fast="x = 2\n"))
    assert plan.problems[0].message == "fast.py is there already, with other content"


def test_a_transform_gets_the_definition_and_its_result_is_written() -> None:
    code = (
        "import libcst as cst\n\n"
        "def rename(node):\n    return node.with_changes(name=cst.Name('g'))\n"
    )
    edits = "- file: m.py\n  within: A.f\n  transform: helper:rename\n"
    renaming = patch("renaming", edits, helper__py=code)
    read = tree(m="class A:\n    def f(self):  # here\n        return 1\n\nx = 1\n")
    plan = plan_patches([renaming], read)
    assert plan.files == {
        "m.py": b"class A:\n    def g(self):  # here\n        return 1\n\nx = 1\n"
    }


def test_a_transform_reads_code_that_libcst_checks_wrongly() -> None:
    code = (
        "import libcst as cst\n\n"
        "class Rename(cst.CSTTransformer):\n"
        "    def leave_Name(self, old, new):\n"
        "        return new.with_changes(value='y') if old.value == 'x' else new\n\n"
        "def rename(module):\n    return module.visit(Rename())\n"
    )
    renaming = patch("renaming", "- file: m.py\n  transform: helper:rename\n", helper__py=code)
    source = "async def f():\n    return [x async  # c\n            for x in a]\n"
    plan = plan_patches([renaming], tree(m=source))
    assert plan.files == {"m.py": source.replace("x", "y").encode()}


def test_a_transform_that_changes_nothing_is_already_applied() -> None:
    edits = "- file: m.py\n  transform: helper:same\n"
    same = patch("same", edits, helper__py="def same(module):\n    return module\n")
    assert plan_patches([same], tree(m="x = 1\n")).patches[0].status is EditStatus.ALREADY


def test_a_transform_that_raises_is_refused_with_its_words() -> None:
    edits = "- file: m.py\n  transform: helper:fail\n"
    failing = patch("failing", edits, helper__py="def fail(module):\n    raise KeyError('k')\n")
    plan = plan_patches([failing], tree(m="x = 1\n"))
    assert plan.problems[0].message == "helper:fail raised KeyError: 'k'"


def test_the_message_of_the_design_reads_as_it_says() -> None:
    source = (
        b"class SineGen:\n    @torch.no_grad()\n    def forward(self): ...\n\n"
        b"class SourceModuleHnNSF:\n    def forward(self):\n        with torch.no_grad():\n"
        b"            pass\n"
    )
    edits = "- file: a/hifigan.py\n  match: torch.no_grad()\n  with: torch.inference_mode()\n"
    plan = plan_patches([patch("inference_mode", edits)], reading({"a/hifigan.py": source}))
    assert render_problem(plan.problems[0]) == (
        "error[ambiguous]: inference_mode, edit 1: expected 1 site, found 2\n"
        "  --> patches/inference_mode.yaml:6:5\n"
        "  a/hifigan.py:2:6    @torch.no_grad()   in SineGen.forward\n"
        "  a/hifigan.py:7:14   torch.no_grad()    in SourceModuleHnNSF.forward\n"
        "  help: add `within: SineGen.forward`, or `expect: 2`"
    )
