"""Which distribution and version a patch fits."""

from __future__ import annotations

import pytest

from patcher.spec.versions import fits
from tests.spec.support import EDITS, HEAD, read

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
    target, distribution, version, wanted = case
    patch = read(HEAD.replace("pkg >=1,<2", target) + EDITS)
    assert fits(patch, distribution, version) is wanted
