"""Which distribution and version a patch fits."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement

from patcher.patchfile.versions import accepts, fits, is_requirement, name_of
from tests.patchfile.support import EDITS, HEAD, read

CASES = {
    "the package at a version inside": ("pkg >=1,<2", "pkg", "1.5", True),
    "the package at a version outside": ("pkg >=1,<2", "pkg", "2.0", False),
    "another package": ("pkg >=1,<2", "other", "1.5", False),
    "a name written another way": ("My.Pkg >=1", "my-pkg", "1.0", True),
    "a pre-release": ("pkg >=1,<2", "pkg", "1.5.dev1", True),
    "a local version": ("pkg >=1,<2", "pkg", "1.5+fork", True),
    "no version given": ("pkg >=1,<2", "pkg", None, True),
    "no name given": ("pkg >=1,<2", None, "1.5", True),
    "any version": ("pkg", "pkg", "99", True),
    "one of several targets": ("[pkg >=1, fork]", "fork", "0.1", True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_patch_fits(case: tuple[str, str | None, str | None, bool]) -> None:
    target, distribution, version, expected = case
    patch = read(HEAD.replace("pkg >=1,<2", target) + EDITS)
    assert fits(patch, distribution, version) is expected


numbers = st.lists(st.integers(0, 12).map(str), min_size=1, max_size=4).map(".".join)
clauses = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "~="]), numbers).map("".join)
requirements = st.tuples(
    st.sampled_from(["pkg ", "a.b_c-d", " X1  "]), st.lists(clauses, max_size=3).map(", ".join)
).map("".join)


@given(requirements, numbers | st.sampled_from(["1.0rc1", "1.0.post1", "2.0+fork", "1!1.0"]))
@example("pkg ==1.0", "1")
@example("pkg >1", "1.0.0")
def test_the_plain_form_is_read_as_packaging_reads_it(text: str, version: str) -> None:
    try:
        known = Requirement(text)
    except InvalidRequirement:
        assert not is_requirement(text)
        return
    assert is_requirement(text)
    assert name_of(text) == known.name
    assert accepts(text, version) is known.specifier.contains(version, prereleases=True)
