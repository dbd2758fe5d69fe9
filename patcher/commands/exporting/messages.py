"""What the commit message of an exported patch says: why, what it claims, what was measured."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.patchfile.model import Patch
    from patcher.store.reports import Reports
    from patcher.store.state import Applied

WIDTH = 72  # of a commit message's body
CLAIMS = {
    "bitwise": "every output equals the original's to the bit",
    "close": "outputs are within the stated tolerance of the original's",
    "perceptual": "outputs differ in bytes and mean the same",
}


def message_of(patch: Patch, sha256: str, series: Sequence[str], run: Mapping[str, Any]) -> str:
    """A commit message.

    Args:
        sha256: of the spec.
        series: the names of all patches that are exported.
        run: the verification of exactly this series that passed last; empty when there is none.
    """
    parts = [f"{patch.name}: {patch.summary}"]
    parts.append(paragraph(f"Claim: {patch.equivalence.value}, {CLAIMS[patch.equivalence.value]}."))
    if patch.declares:
        parts.append(paragraph(f"Declares: {', '.join(each.value for each in patch.declares)}."))
    if patch.requires:
        parts.append(paragraph(f"Requires: {', '.join(patch.requires)}."))
    if patch.hazards:
        parts.append("\n".join(["Hazards:", *map(item, patch.hazards)]))
    measured = [*map(item, patch.measured), *map(item, verified(patch.name, series, run))]
    parts.append("\n".join(["Measured:", *measured]) if measured else "Measured: nothing yet.")
    parts.append(f"Patcher-Patch: {patch.name}\nPatcher-Spec-SHA256: {sha256}")
    return "\n\n".join(parts) + "\n"


def paragraph(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def item(text: str) -> str:
    return "\n".join(
        textwrap.wrap(
            text, WIDTH, initial_indent="- ", subsequent_indent="  ",
            break_long_words=False, break_on_hyphens=False,
        )
    )  # fmt: skip


def verified(name: str, series: Sequence[str], run: Mapping[str, Any]) -> Iterator[str]:
    """What the last verification of the series came to."""
    if not run:
        return
    others = [one for one in series if one != name]
    beside = f", together with {', '.join(others)}" if others else ""
    passed = sum(one["status"] == "pass" for one in run["cases"])
    machine = str(run.get("machine") or "")
    where = f"; {machine}" if machine else ""
    yield (
        f"verified{beside}: {passed} of {len(run['cases'])} pass ({run['gate']}){where}, "
        f"{str(run['date'])[:10]}"
    )
    speed = run.get("speed") or {}
    if speed.get("time_ratio") and speed.get("low") and speed.get("high"):
        fast, low, high = (1 / speed[key] for key in ("time_ratio", "high", "low"))
        share = f"{speed['confidence']:.0%}" if speed.get("confidence") else ""
        yield (
            f"speed{beside}: {speed['verdict']}, {fast:.2f} times as fast ({low:.2f} to {high:.2f}"
            f"{', ' + share + ' confidence' if share else ''}), {speed['pairs']} pairs{where}"
        )


def last_pass(reports: Reports, target: str, series: Sequence[Applied]) -> Mapping[str, Any]:
    """The newest kept verification of exactly these specs that passed; empty without one."""
    stated = [(each.name, each.sha256) for each in series]
    for run in reports.newest_first():
        receipt = run.result.get("receipt") or {}
        if run.target != target or run.verdict != "pass":
            continue
        if [(each["name"], each["sha256"]) for each in receipt.get("patches", ())] == stated:
            return run.result
    return {}
