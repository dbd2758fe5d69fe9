"""Which form of a patch a target takes, and how the two go together: by content alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.forms import Fit
from patcher.rewrite.plan import PatchPlan, PlanTarget, plan_patches
from patcher.rewrite.replay import replay

HEAD = "patch: p\nsummary: s\ntarget: pkg >=1,<2\nprovides: pkg\nequivalence: bitwise\n"
FORMS = """\
variants:
  - summary: up to 1.3
    edits:
      - file: pkg/m.py
        match: old($X)
        with: new($X)
  - summary: since 1.4
    edits:
      - file: pkg/m.py
        match: older($X, 1)
        with: new($X)
"""


def patch(text: str, attachments: Mapping[str, bytes] | None = None) -> Patch:
    return read_spec(HEAD + text, "p.yaml", attachments or {})


def planned(each: Patch, files: Mapping[str, str], name: str = "pkg") -> PatchPlan:
    def read(path: str) -> bytes | None:
        return files[path].encode() if path in files else None

    packages = {path.partition("/")[0] for path in files}
    return plan_patches([each], read, PlanTarget("1.0", name, packages)).patches[0]


@pytest.mark.parametrize(
    ("source", "pattern"), [("x = old(1)\n", "old($X)"), ("x = older(1, 1)\n", "older($X, 1)")]
)
def test_the_first_form_whose_sites_fit_is_taken(source: str, pattern: str) -> None:
    plan = planned(patch(FORMS), {"pkg/m.py": source})
    assert plan.fit is Fit.FITS
    assert [edit.edit.pattern for edit in plan.edits] == [pattern]


def test_replay_takes_the_form_that_planning_took() -> None:
    read = {"pkg/m.py": b"x = older(1, 1)\n"}.get
    assert replay(read, [patch(FORMS)]) == {"pkg/m.py": b"x = new(1)\n"}


def test_where_no_form_fits_the_nearest_is_spoken_of() -> None:
    two = """\
variants:
  - edits:
      - {file: pkg/m.py, match: gone(), with: new()}
      - {file: pkg/m.py, match: lost(), with: new()}
  - edits:
      - {file: pkg/m.py, match: there(), with: new()}
      - {file: pkg/m.py, match: lost(), with: new()}
"""
    plan = planned(patch(two), {"pkg/m.py": "there()\n"})
    assert [edit.edit.pattern for edit in plan.edits] == ["there()", "lost()"]
    assert plan.fit is Fit.MOVED


def test_a_fork_of_another_name_fits_by_its_content() -> None:
    plan = planned(patch(FORMS), {"pkg/m.py": "old(1)\n"}, name="pkg-fork")
    assert not plan.problems


def test_a_named_distribution_keeps_its_versions() -> None:
    plan = plan_patches([patch(FORMS)], {"pkg/m.py": b"old(1)\n"}.get, PlanTarget("2.0", "pkg"))
    assert [problem.code for problem in plan.problems] == ["incompatible"]


def test_a_distribution_without_the_package_is_refused() -> None:
    plan = planned(patch(FORMS), {"other/m.py": "old(1)\n"}, name="other")
    assert plan.problems[0].code == "incompatible"


def test_a_fork_with_another_import_name_gets_files_and_imports_by_that_name() -> None:
    edits = """\
import-as: [pkg_ng]
edits:
  - {file: pkg/m.py, import: from pkg.helper import fast}
  - {file: pkg/m.py, match: pkg.slow($X), with: pkg.helper.fast($X)}
  - {file: pkg/helper.py, add-file: helper.py}
"""
    each = patch(edits, {"helper.py": b"import pkg.m\nfrom pkg import m\nname = 'pkg'\n"})
    read = {"pkg_ng/m.py": b"import pkg_ng\nx = pkg_ng.slow(my.pkg.y)\n"}.get
    assert replay(read, [each]) == {
        "pkg_ng/m.py": b"import pkg_ng\nfrom pkg_ng.helper import fast\n"
        b"x = pkg_ng.helper.fast(my.pkg.y)\n",
        "pkg_ng/helper.py": b"import pkg_ng.m\nfrom pkg_ng import m\nname = 'pkg'\n",
    }


ABSENT = """\
edits:
  - {file: pkg/m.py, match: old($X), with: new($X)}
absent-when:
  - {file: pkg/m.py, within: f, match: new_way($$$_)}
  - {file: pkg/engine.py}
  - {file: pkg/engine.py, within: Engine.start}
"""
ENGINE = "class Engine:\n    def start(self): ...\n"


@pytest.mark.parametrize(
    ("files", "fit"),
    [
        ({"pkg/m.py": "def f():\n    new_way(1)\n", "pkg/engine.py": ENGINE}, Fit.UPSTREAM),
        ({"pkg/m.py": "def f():\n    return new_way(1)\n", "pkg/engine.py": ENGINE}, Fit.UPSTREAM),
        ({"pkg/m.py": "new_way(1)\nold(1)\n", "pkg/engine.py": ENGINE}, Fit.FITS),
        ({"pkg/m.py": "new(1)\n", "pkg/engine.py": ENGINE}, Fit.UPSTREAM),
        ({"pkg/m.py": "old(1)\n"}, Fit.NOT_THERE),
        ({"pkg/engine.py": ""}, Fit.NOT_THERE),
        ({"pkg/m.py": "other(1)\n", "pkg/engine.py": ENGINE}, Fit.MOVED),
        ({"pkg/m.py": "old(1)\n", "pkg/engine.py": "class Engine: ...\n"}, Fit.NOT_THERE),
    ],
)
def test_how_a_patch_and_a_target_go_together(files: dict[str, str], fit: Fit) -> None:
    assert planned(patch(ABSENT), files).fit is fit


OPTIONAL = """\
edits:
  - {file: pkg/m.py, match: old($X), with: new($X)}
  - {file: pkg/turbo.py, match: old($X), with: new($X), optional: true}
"""


def test_an_optional_edit_is_left_out_where_its_file_does_not_exist() -> None:
    plan = planned(patch(OPTIONAL), {"pkg/m.py": "old(1)\n"})
    assert plan.fit is Fit.FITS
    assert len(plan.edits) == 1


def test_an_optional_edit_is_left_out_where_its_definition_does_not_exist() -> None:
    spec = OPTIONAL.replace("turbo.py, match", "turbo.py, within: Turbo.run, match")
    without = {"pkg/m.py": "old(1)\n", "pkg/turbo.py": "class Turbo: ...\n"}
    moved = {**without, "pkg/turbo.py": "class Turbo:\n    def run(self): ...\n"}
    assert planned(patch(spec), without).fit is Fit.FITS
    assert planned(patch(spec), moved).fit is Fit.MOVED


def test_a_missing_site_in_a_file_that_is_there_is_an_error_for_optional_edits_too() -> None:
    plan = planned(patch(OPTIONAL), {"pkg/m.py": "old(1)\n", "pkg/turbo.py": "x = 1\n"})
    assert plan.fit is Fit.MOVED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FORMS + "edits: []\n", "a patch with `variants` has its `edits` in them"),
        ("import-as: x-y\n" + FORMS, "`import-as: x-y` is not the name of an import package"),
        ("variants: []\n", "`variants` is a list of forms, each with `edits`"),
        (FORMS + "absent-when: [{file: a.py, match: '('}]\n", "`match`: "),
    ],
)
def test_what_a_spec_says_wrong_about_forms_is_answered(text: str, message: str) -> None:
    with pytest.raises(PatcherError) as raised:
        patch(text)
    assert raised.value.message.startswith(message)
