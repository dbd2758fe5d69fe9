"""Which target a patch fits, by PEP 508 name and version.

`packaging` knows all of PEP 508 and takes as long to import as a whole ``patcher status``. The form
that nearly every spec uses, a name and bounds of plain numbers, is therefore read here; anything
else is left to `packaging`, and a property test holds the two to the same answers.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from patcher.patchfile.model import Patch

_RELEASE = r"\d+(?:\.\d+)*"
_CLAUSE = rf"(?:[<>]=?|[=!]=)\s*{_RELEASE}"
_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_PLAIN = rf"\s*({_NAME})\s*((?:{_CLAUSE}(?:\s*,\s*{_CLAUSE})*)?)\s*"
_COMPARE: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def is_requirement(text: str) -> bool:
    """Whether a text is PEP 508."""
    if re.fullmatch(_PLAIN, text, re.ASCII):
        return True
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def name_of(text: str) -> str:
    """The distribution that a requirement names, as it is written there."""
    if plain := re.fullmatch(_PLAIN, text, re.ASCII):
        return plain[1]
    from packaging.requirements import Requirement

    return str(Requirement(text).name)


def accepts(text: str, version: str) -> bool:
    """Whether a requirement lets a version in; pre-releases count like any other."""
    plain = re.fullmatch(_PLAIN, text, re.ASCII)
    if plain and re.fullmatch(_RELEASE, version, re.ASCII):
        clauses = re.findall(r"([<>=!]+)\s*([\d.]+)", plain[2])
        return all(_COMPARE[sign](_release(version), _release(bound)) for sign, bound in clauses)
    from packaging.requirements import Requirement

    return bool(Requirement(text).specifier.contains(version, prereleases=True))


def _release(text: str) -> tuple[int, ...]:
    """The numbers of a release; zeros at its end do not count."""
    numbers = [int(number) for number in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def normalise(name: str) -> str:
    """A distribution's name as the registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def split_target(text: str) -> tuple[str, ...]:
    """The distributions of a target, ``A`` or ``A,B``: normalised, sorted, each one once."""
    return tuple(sorted({normalise(name.strip()) for name in text.split(",") if name.strip()}))


def target_name(names: Iterable[str]) -> str:
    """The name of the working copy that holds these distributions, in any order."""
    return "-and-".join(sorted({normalise(name) for name in names}))


def members_of(target: str, version: str | None) -> tuple[tuple[str, str | None], ...]:
    """Name and version of each distribution of a working copy.

    The version of one that holds several is ``adder 1.2, scaler 2.0``.
    """
    parts = [part.partition(" ") for part in (version or "").split(", ")]
    if len(parts) > 1 and all(space for _, space, _ in parts):
        return tuple((name, version) for name, _, version in parts)
    return ((target, version),)


def with_version(target: str, version: str | None) -> str:
    """A target with its version, for people."""
    several = len(members_of(target, version)) > 1
    return (version or "") if several else f"{target} {version or ''}".strip()


def fits(
    patch: Patch,
    distribution: str | None,
    version: str | None,
    packages: Collection[str] = (),
) -> bool:
    """True when the patch may be tried on this distribution; its content decides the rest.

    A distribution that the patch names must have a version it names. One that it does not name
    fits when it has the import package the patch ``provides`` for, under one of its names.
    A name or a version that is not known narrows nothing. Pre-releases count: what a fork calls
    `0.1.8.dev1` is content somebody wants to patch.

    Args:
        distribution, version: of a working copy; where it holds several distributions, one is
            enough.
        packages: the distribution's top-level import packages; a module is named with its ``.py``.
    """
    if distribution is not None and len(members := members_of(distribution, version)) > 1:
        return any(fits(patch, name, each, packages) for name, each in members)
    if distribution is None:
        return version is None or any(accepts(text, version) for text in patch.targets)
    name = normalise(distribution)
    named = [text for text in patch.targets if normalise(name_of(text)) == name]
    if named:
        return version is None or any(accepts(text, version) for text in named)
    imported = {package.removesuffix(".py") for package in packages}
    return bool(patch.provides) and not {patch.provides, *patch.import_as}.isdisjoint(imported)
