"""What a plan or a scan found, in SARIF 2.1.0: code hosts show it beside the lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from patcher.results import PlanResult
    from patcher.results.scanned import HazardOutcome, MappedPackage

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
TARGET_ROOT = "TARGETROOT"  # the import root of the target, which is not in the repository

RULES: Mapping[str, tuple[str, str]] = {
    # plan: the edit stands in a spec
    "site-missing": ("error", "An edit finds no site in the target."),
    "site-ambiguous": ("error", "An edit finds more sites than it expects."),
    "site-drifted": ("error", "The site was edited by hand."),
    "site-conflict": ("error", "Two patches change the same site."),
    "patch-blocked": ("error", "A patch cannot be applied because of another one."),
    "site-moved": ("note", "The site of an edit is elsewhere in the source that was planned on."),
    # scan: the place stands in the target
    "hazard": ("warning", "A place that will fail, or change its answer, under a patch."),
    "in-place-update": ("note", "A tensor is updated in place."),
    "waits-for-device": ("note", "The program waits for the device."),
}
STATUSES = {
    "missing": "site-missing",
    "ambiguous": "site-ambiguous",
    "drifted": "site-drifted",
    "conflict": "site-conflict",
    "blocked": "patch-blocked",
}


@dataclass(frozen=True)
class SarifResult:
    """One result.

    Attributes:
        file: relative to the repository, or with ``in_target`` to the target's import root.
        related: the line of the target that the finding is about, where it has one.
    """

    rule: str
    text: str
    file: str
    line: int
    in_target: bool = False
    related: tuple[str, int] | None = None

    @property
    def fingerprint(self) -> str:
        """The same from run to run, also when lines above it change."""
        return hashlib.sha256(f"{self.rule}\0{self.file}\0{self.text}".encode()).hexdigest()


def of_plan(plan: PlanResult, spec: Callable[[str], str]) -> list[SarifResult]:
    """What does not fit, and what moved; nothing of an edit that is ready.

    Args:
        spec: from a patch's name to the path of its spec.
    """
    where = f" in {plan.on}" if plan.on else ""
    result = []
    for patch in plan.patches:
        for edit in patch.edits:
            rule = STATUSES.get(edit.status)
            if rule is None and edit.fit == "moved":
                rule = "site-moved"
            if rule is None:
                continue
            place = f"{edit.file}{f', {edit.within}' if edit.within else ''}"
            says = f"moved to {edit.moved_to}" if rule == "site-moved" else edit.message
            text = f"{patch.name}: {place}{where}: {says or edit.status}"
            site = (edit.file, edit.sites[0].line) if edit.sites else None
            result.append(SarifResult(rule, text, spec(patch.name), edit.spec_line, related=site))
    return result


def of_hazards(hazards: Iterable[HazardOutcome]) -> list[SarifResult]:
    """What patches will break."""
    result = []
    for each in hazards:
        parts = [f"{each.kind} under {each.patch} ({each.under})"]
        if each.fires_when:
            parts.append(f"when {each.fires_when}")
        if each.remedy:
            parts.append(f"the patch {each.remedy} removes it")
        made = (each.made.file, each.made.line) if each.made else None
        text = "; ".join(parts)
        result.append(SarifResult("hazard", text, each.where, each.line, True, made))
    return result


def of_map(maps: Iterable[MappedPackage]) -> list[SarifResult]:
    """Where the target updates tensors in place, and where it waits for the device."""
    from patcher.hazards.static import UPDATES, EntryKind

    rules = dict.fromkeys(UPDATES, "in-place-update") | {EntryKind.SYNC: "waits-for-device"}
    return [
        SarifResult(
            rules[item.kind], f"{item.function}: {item.source}", module.file, item.line, True
        )
        for each in maps
        for module in each.modules
        for item in module.entries
        if item.kind in rules
    ]


def log(findings: Sequence[SarifResult], command: str, version: str) -> str:
    """The file's text."""
    names = [rule for rule in RULES if any(each.rule == rule for each in findings)]
    driver = {
        "name": "patcher",
        "semanticVersion": version,
        "rules": [
            {
                "id": name,
                "shortDescription": {"text": RULES[name][1]},
                "defaultConfiguration": {"level": RULES[name][0]},
            }
            for name in names
        ],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"patcher/{command}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            TARGET_ROOT: {"description": {"text": "the folder that holds the target's package"}}
        },
        "results": [_result(each, names) for each in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _result(each: SarifResult, names: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": each.rule,
        "ruleIndex": names.index(each.rule),
        "level": RULES[each.rule][0],
        "message": {"text": each.text},
        "locations": [_location(each.file, each.line, in_target=each.in_target)],
        "partialFingerprints": {"patcher/v1": each.fingerprint},
    }
    if each.related is not None:
        result["relatedLocations"] = [_location(*each.related, in_target=True)]
    return result


def _location(file: str, line: int, *, in_target: bool) -> dict[str, Any]:
    from urllib.parse import quote

    artifact: dict[str, Any] = {"uri": quote(PurePosixPath(file).as_posix())}
    if in_target:
        artifact["uriBaseId"] = TARGET_ROOT
    return {
        "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(1, line)}}
    }
