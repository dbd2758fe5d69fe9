"""Of a set, what fits is taken; the rest is named with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.plan import Plan, PlanSeries, PlanTarget, plan_patches
from patcher.rewrite.selection import Selection, select

FILES = {"pkg/m.py": b"x = old(1)\ny = fast(2)\n"}


def patch(name: str, pattern: str, replacement: str, head: str = "", file: str = "m") -> Patch:
    text = (
        f"patch: {name}\nsummary: s\ntarget: pkg\nequivalence: bitwise\n{head}edits:\n"
        f"  - {{file: pkg/{file}.py, match: {pattern}, with: {replacement}}}\n"
    )
    return read_spec(text, f"{name}.yaml")


FITS = patch("fits", "old($X)", "new($X)")
UPSTREAM = patch("upstream", "slow($X)", "fast($X)")
MOVED = patch("moved", "gone()", "back()")
AWAY = patch("away", "old($X)", "new($X)", file="engine")
NEEDS_MOVED = patch("needs_moved", "old($X)", "newer($X)", "requires: [moved]\n")
OTHER = patch("other", "old($X)", "other($X)", "conflicts: [fits]\n")


def selected(patches: Sequence[Patch], *named: str, drifted: tuple[str, ...] = ()) -> Selection:
    def plan_on(some: Sequence[Patch]) -> Plan:
        return plan_patches(some, FILES.get, PlanTarget("1.0", "pkg"), PlanSeries(drifted=drifted))

    return select(patches, named, plan_on)


def reasons(selection: Selection) -> dict[str, str]:
    return {each.name: each.reason for each in selection.left_out}


def test_a_set_takes_what_fits_and_names_the_rest() -> None:
    selection = selected([FITS, UPSTREAM, MOVED, AWAY])
    assert selection.plan.ok
    assert [each.patch.name for each in selection.plan.patches] == ["fits"]
    assert reasons(selection) == {
        "upstream": "upstream has it",
        "moved": "moved: no site in pkg/m.py",
        "away": "not there: there is no pkg/engine.py",
    }


def test_a_patch_that_needs_one_that_is_left_out_is_left_out_too() -> None:
    selection = selected([MOVED, NEEDS_MOVED, FITS])
    assert reasons(selection)["needs_moved"] == "it requires moved, which is left out"


def test_a_patch_that_was_asked_for_by_name_is_not_left_out() -> None:
    selection = selected([FITS, MOVED], "moved")
    assert [problem.patch for problem in selection.plan.problems] == ["moved"]


def test_what_upstream_has_is_left_out_by_name_too() -> None:
    selection = selected([UPSTREAM], "upstream")
    assert selection.plan.ok
    assert reasons(selection) == {"upstream": "upstream has it"}


def test_a_set_of_which_nothing_fits_is_refused_with_every_problem() -> None:
    selection = selected([MOVED, AWAY])
    assert [problem.patch for problem in selection.plan.problems] == ["moved", "away"]


def test_drift_and_conflicts_are_never_passed_over() -> None:
    assert {p.code for p in selected([FITS, OTHER]).plan.problems} == {"conflict"}
    assert {p.code for p in selected([FITS], drifted=("pkg/m.py",)).plan.problems} == {"drift"}
