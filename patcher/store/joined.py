"""Several distributions in one working copy: one tree, one series, one verdict.

A patch may need another distribution to change with it. Both stand in one tree then, and a change
of both is one transaction like any other. The working copy is named after its members
(``adder-and-scaler``), and its version says theirs (``adder 1.2, scaler 2.0``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.versions import target_name
from patcher.store.paths import printable
from patcher.store.source import DistributionSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.store.working_copy import WorkingCopy


def join(sources: Sequence[DistributionSource]) -> DistributionSource:
    """One source of several distributions.

    Raises:
        PatcherError: ``source``, when two hold other content under one path, or are one.
    """
    ordered = sorted(sources, key=lambda each: each.distribution)
    names = [each.distribution for each in ordered]
    for name in names:
        if names.count(name) > 1:
            raise PatcherError("source", f"{name} is named twice")
    files: dict[str, tuple[bytes, int]] = {}
    owner: dict[str, str] = {}
    for each in ordered:
        for path, held in each.files.items():
            if path in files and files[path][0] != held[0]:
                both = f"{owner[path]} and {each.distribution}"
                message = f"{both} both hold {printable(path)}, with other content"
                raise PatcherError("source", message, hint="they cannot stand in one tree")
            files.setdefault(path, held)
            owner.setdefault(path, each.distribution)
    return DistributionSource(
        distribution=target_name(names),
        version=", ".join(f"{each.distribution} {each.version}" for each in ordered),
        origin="; ".join(each.origin for each in ordered),
        files=files,
        packages=tuple(sorted({package for each in ordered for package in each.packages})),
    )


def pristine_source(copy: WorkingCopy) -> DistributionSource:
    """A working copy as it was before any patch, as a source.

    Raises:
        PatcherError: ``drift``; ``source`` for somebody's own checkout.
    """
    from patcher.store.freeze import pristine_files

    if copy.in_place:
        message = f"{copy.target} is patched in place, and cannot stand in one tree with another"
        raise PatcherError("source", message, where=str(copy.root))
    files = pristine_files(copy)
    return DistributionSource(copy.target, copy.version or "0", copy.origin, files, copy.packages)
