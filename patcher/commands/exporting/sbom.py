"""What a patched wheel is made of, as a CycloneDX document (PEP 770, ``.dist-info/sboms/``)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclonedx.model.component import Component

    from patcher.patchfile.model import Patch

NAME = "patcher.cdx.json"


@dataclass(frozen=True)
class BillEntry:
    """One patch of the series with its own diff, and its spec's hash."""

    patch: Patch
    sha256: str
    diff: str


def document(
    name: str, original: str, version: str, parts: Sequence[BillEntry], *, made_s: int
) -> bytes:
    """The document: the wheel, the release it descends from, and what was changed in it.

    Args:
        original: the version that was patched.
        made_s: the moment it says it was made, in seconds since the epoch.
    """
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.output.json import JsonV1Dot6

    made = datetime.fromtimestamp(made_s, tz=timezone.utc)
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"pkg:pypi/{name}@{version}"),
        metadata=BomMetaData(component=_component(name, original, version, parts), timestamp=made),
    )
    return JsonV1Dot6(bom).output_as_string(indent=1).encode() + b"\n"


def _component(name: str, original: str, version: str, parts: Sequence[BillEntry]) -> Component:
    from cyclonedx.model import AttachedText, Property
    from cyclonedx.model.component import (
        Component,
        ComponentType,
        Diff,
        PatchClassification,
        Pedigree,
    )
    from cyclonedx.model.component import Patch as Change
    from packageurl import PackageURL

    def component(of: str) -> Component:
        purl = PackageURL("pypi", None, name.lower().replace("_", "-"), of)
        kind = ComponentType.LIBRARY
        return Component(name=name, version=of, type=kind, purl=purl, bom_ref=f"{name}@{of}")

    made = component(version)
    made.pedigree = Pedigree(
        ancestors=[component(original)],
        patches=[
            Change(
                type=PatchClassification.UNOFFICIAL,
                diff=Diff(text=AttachedText(content=part.diff, content_type="text/x-diff")),
            )
            for part in parts
        ],
        notes="; ".join(f"{part.patch.name}: {part.patch.summary}" for part in parts),
    )
    for part in parts:
        made.properties.add(Property(name=f"patcher:patch:{part.patch.name}", value=part.sha256))
    return made
