"""Which target a patch fits, by PEP 508 name and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.spec.model import Patch


def fits(patch: Patch, distribution: str | None, version: str | None) -> bool:
    """True when any of the patch's targets accepts this distribution at this version.

    A name or a version that is not known narrows nothing. Pre-releases count: what a fork calls
    `0.1.8.dev1` is content somebody wants to patch.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for text in patch.targets:
        requirement = Requirement(text)
        same = distribution is None or canonicalize_name(requirement.name) == canonicalize_name(
            distribution
        )
        if same and (version is None or requirement.specifier.contains(version, prereleases=True)):
            return True
    return False
