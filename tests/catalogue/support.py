"""The shipped catalogue, and releases of its targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from patcher.patchfile.catalogue import Catalogue, shipped
from patcher.patchfile.model import Patch
from patcher.patchfile.versions import fits
from patcher.rewrite.plan import Plan, PlanTarget, plan_patches
from patcher.store.source import DistributionSource

CATALOGUE = Catalogue([shipped()])
PATCHES: Mapping[str, Patch] = CATALOGUE.patches
REPORT = ("inference_mode", "channels_last", "embed_ref_lens_clone")


def plan_on(source: DistributionSource, patches: Sequence[Patch]) -> Plan:
    """Plan on a release's own bytes."""
    files = {path: content for path, (content, _) in source.files.items()}
    return plan_patches(patches, files.get, PlanTarget(source.version))


def fitting(source: DistributionSource) -> list[Patch]:
    """Patches that say they are for this release."""
    patches = (PATCHES[name] for name in PATCHES)
    return [patch for patch in patches if fits(patch, source.distribution, source.version)]


def series_of(patch: Patch) -> list[Patch]:
    """A patch with what it requires before it."""
    return [PATCHES[name] for name in (*patch.requires, patch.name)]


def repository() -> Path:
    return shipped().parent
