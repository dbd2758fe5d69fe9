"""`new`: a spec to start from, made of one line."""

from __future__ import annotations

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import EditKind
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.scaffold import scaffold
from patcher.rewrite.check import check_patch
from patcher.rewrite.plan import plan_patches
from tests.rewrite.making import reading

SOURCE = b'''import torch


class A:
    """Doc."""

    @torch.no_grad()
    def f(self, x):
        y = g(x)  # call
        with torch.no_grad():
            z = y
            if z:
                z = "a: b"
        return z


LIMIT = {
    "a": 1,
}
'''

LINES = {
    "a decorator": (7, EditKind.DECORATOR, "A.f", "torch.no_grad()"),
    "a statement": (9, EditKind.MATCH, "A.f", "y = g(x)  # call"),
    "a with statement's header": (
        10, EditKind.MATCH, "A.f", "with torch.no_grad():\n    $$$BODY\n",
    ),
    "a nested statement": (13, EditKind.MATCH, "A.f", 'z = "a: b"\n'),
    "a line inside a longer statement": (18, EditKind.MATCH, "<module>",
                                         'LIMIT = {\n    "a": 1,\n}\n'),
    "an import": (1, EditKind.MATCH, "<module>", "import torch"),
}  # fmt: skip


@pytest.mark.parametrize("case", LINES.values(), ids=LINES.keys())
def test_it_starts_from(case: tuple[int, EditKind, str, str]) -> None:
    line, kind, within, pattern = case
    text = scaffold("mine", "pkg >=1", "a/m.py", line, SOURCE)
    (edit,) = read_spec(text, "patches/mine.yaml").edits
    assert (edit.kind, edit.within) == (kind, within)
    assert edit.pattern is not None
    assert edit.pattern.strip() == pattern.strip()
    assert edit.pattern == edit.replacement


def test_the_site_is_found_once_the_replacement_is_changed() -> None:
    text = scaffold("mine", "pkg", "m.py", 10, SOURCE)
    head, _, tail = text.rpartition("      with torch.no_grad():\n          $$$BODY\ntest:")
    changed = f"{head}      with torch.inference_mode():\n          $$$BODY\ntest:{tail}"
    patch = read_spec(changed, "patches/mine.yaml")
    plan = plan_patches([patch], reading({"m.py": SOURCE}))
    assert plan.ok
    wanted = SOURCE.replace(b"with torch.no_grad()", b"with torch.inference_mode()")
    assert plan.files["m.py"] == wanted


def test_check_asks_for_the_replacement_and_the_fixture() -> None:
    patch = read_spec(scaffold("mine", "pkg", "m.py", 9, SOURCE), "patches/mine.yaml")
    assert [problem.message for problem in check_patch(patch)] == ["the replacement is the pattern"]


def test_a_line_without_code_is_refused() -> None:
    with pytest.raises(PatcherError, match="there is no code at") as caught:
        scaffold("mine", "pkg", "m.py", 2, SOURCE)
    assert caught.value.code == "usage"
