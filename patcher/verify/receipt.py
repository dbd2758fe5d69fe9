"""A receipt: everything a verdict hangs on, in one file that can be checked and joined. Pure.

Who gets a receipt sees which trees were judged, how, on what machine and under which guards, and
can ask whether that still holds where they are. The seal tells a receipt that was edited from one
that was not; it proves nothing about who made it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCHEMA = 1
KIND = "patcher-receipt"
# Facts that make a kind of machine; the others may differ between two of one kind.
MACHINE = ("system", "machine", "processor", "processors", "gpus", "device")
VERSIONS = ("python", "torch", "numpy", "distributions", "kernel")
WORST_FIRST = ("fail", "undeclared", "not-exercised", "cannot-judge", "pass", "nothing-to-verify")
SPEED = (
    "verdict", "time_ratio", "low", "high", "confidence", "pairs", "margin", "noise_floor",
    "smallest_detectable", "reason", "plan", "pair_ratios", "rerun", "lost", "repeated", "fault",
)  # fmt: skip


def make_receipt(result: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The receipt of a verification.

    Args:
        result: the object of ``patcher verify --json``.
        more: ``patches`` (name, sha256, claim, declares), ``content`` and ``weights`` (hashes),
            ``require`` and ``made_at``.
    """
    speed = result.get("speed")
    facts = {**result["environment"], **((speed or {}).get("environment") or {})}
    body = {
        "schema": SCHEMA,
        "kind": KIND,
        "made_at": more["made_at"],
        "target": {"name": result["target"], "version": result["version"]},
        "trees": dict(result["trees"]),
        "patches": [dict(each) for each in more["patches"]],
        "verdict": result["verdict"],
        "reason": result["reason"],
        "gate": result["gate"],
        "compared": result.get("compared"),
        "cases": [
            {key: each[key] for key in ("model", "test", "status")} for each in result["cases"]
        ],
        "inputs": result.get("inputs"),
        "speed": {key: speed.get(key) for key in SPEED} if speed else None,
        "rule": {"require": more["require"], "plan": (speed or {}).get("plan")},
        "guards": list(result.get("guards", ())),
        "machine": {key: facts.get(key) for key in MACHINE},
        "versions": {key: facts.get(key) for key in VERSIONS},
        "hashes": {"content": more["content"], "weights": more["weights"]},
        "wall_s": result["wall_s"],
    }
    return {**body, "seal": seal(body)}


def seal(body: Mapping[str, Any]) -> str:
    """The sha256 of a receipt without its seal."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Receipt:
    """A receipt that was read; ``body`` is its object."""

    body: Mapping[str, Any]
    where: str = ""

    @property
    def machine(self) -> str:
        """The kind of machine, in words."""
        return machine_words(self.body["machine"])

    @property
    def verdict(self) -> str:
        return str(self.body["verdict"])

    @property
    def speed(self) -> str | None:
        """The word for speed; None when none was measured."""
        speed = self.body["speed"]
        return str(speed["verdict"]) if speed else None


def read_receipt(text: str, where: str) -> Receipt:
    """Read a receipt.

    Raises:
        PatcherError: ``receipt`` for what is none, is of another schema, or was edited.
    """
    try:
        body = json.loads(text)
        kept = {key: value for key, value in body.items() if key != "seal"}
        known = body["kind"] == KIND and body["schema"] == SCHEMA
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise PatcherError("receipt", "the file is no receipt that this version reads", where=where)
    if body.get("seal") != seal(kept):
        raise PatcherError("receipt", "the receipt was edited: its seal does not fit", where=where)
    return Receipt(kept, where)


def machine_words(facts: Mapping[str, Any]) -> str:
    """A kind of machine in one line."""
    gpus = facts.get("gpus") or []
    parts = [facts.get("processor"), facts.get("processors"), *gpus, facts.get("device")]
    processors = f"{parts[1]} processors" if parts[1] else None
    words = [parts[0], processors, *parts[2:], facts.get("system")]
    return ", ".join(str(each) for each in words if each)


@dataclass(frozen=True)
class Here:
    """What is true in this place; None where it cannot be told."""

    machine: Mapping[str, Any]
    versions: Mapping[str, Any]
    trees: Mapping[str, str] | None = None
    patches: Sequence[tuple[str, str]] | None = None
    content: str | None = None


def differences(receipt: Receipt, here: Here) -> Iterator[str]:
    """Why a receipt does not hold here; nothing when it does."""
    body = receipt.body
    if here.trees is None:
        yield f"there is no working copy of {body['target']['name']} here to hold it against"
    else:
        if here.trees["baseline"] != body["trees"].get("baseline"):
            yield "pristine is another: the target's files are not those that were judged"
        stated = [(each["name"], each["sha256"]) for each in body["patches"]]
        if list(here.patches or ()) != stated:
            names = ", ".join(name for name, _ in here.patches or ()) or "none"
            judged = ", ".join(name for name, _ in stated) or "none"
            changed = "" if names != judged else ", with other specs"
            yield f"the patches applied here are {names}{changed}; judged were {judged}"
        elif here.trees["patched"] != body["trees"].get("patched"):
            yield "the patched tree is another than the one that was judged"
        if here.content != body["hashes"]["content"]:
            yield "the workload or the adapter is another"
    for name, here_said in (("machine", here.machine), ("versions", here.versions)):
        for key, value in body[name].items():
            if value is not None and key in here_said and here_said[key] != value:
                yield f"{key} is {_short(here_said[key])}; judged was {_short(value)}"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:12]}..."


@dataclass(frozen=True)
class MachineVerdict:
    """What the receipts of one kind of machine come to.

    Attributes:
        verdict: the worst of them.
        speeds: the words for speed, each once.
        ratios: the time ratios measured.
        receipts: the files.
    """

    machine: str
    verdict: str
    speeds: tuple[str, ...]
    ratios: tuple[float, ...]
    receipts: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "verdict": self.verdict,
            "speeds": list(self.speeds),
            "time_ratios": list(self.ratios),
            "receipts": list(self.receipts),
        }


@dataclass(frozen=True)
class Joined:
    """Several receipts of one series: a verdict a kind of machine, and where they disagree."""

    verdict: str
    machines: tuple[MachineVerdict, ...]
    disagreements: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "machines": [each.as_json() for each in self.machines],
            "disagreements": list(self.disagreements),
        }


def join_receipts(receipts: Sequence[Receipt]) -> Joined:
    """Put receipts of the same trees together.

    Raises:
        PatcherError: ``receipt`` when they are of different trees or patches.
    """
    head = receipts[0]
    for other in receipts[1:]:
        for key in ("target", "trees", "patches"):
            if other.body[key] != head.body[key]:
                message = f"{other.where} and {head.where} are of different {key}"
                raise PatcherError("receipt", message, hint="join receipts of one series")
    by_machine: dict[str, list[Receipt]] = {}
    for one in receipts:
        by_machine.setdefault(one.machine, []).append(one)
    machines = tuple(_together(name, result) for name, result in by_machine.items())
    return Joined(worst([one.verdict for one in machines]), machines, tuple(_disagree(machines)))


def _together(machine: str, receipts: Sequence[Receipt]) -> MachineVerdict:
    speeds = [each.speed for each in receipts if each.speed]
    ratios = [each.body["speed"]["time_ratio"] for each in receipts if each.body["speed"]]
    return MachineVerdict(
        machine,
        worst([each.verdict for each in receipts]),
        tuple(dict.fromkeys(speeds)),
        tuple(ratio for ratio in ratios if ratio is not None),
        tuple(each.where for each in receipts),
    )


def worst(verdicts: Sequence[str]) -> str:
    """The verdict that decides: one failure anywhere is a failure."""
    order = {word: place for place, word in enumerate(WORST_FIRST)}
    return min(verdicts, key=lambda word: order.get(word, -1))


def _disagree(machines: Sequence[MachineVerdict]) -> Iterator[str]:
    for each in machines:
        if len(each.speeds) > 1:
            yield f"{each.machine}: speed is {' and '.join(each.speeds)}"
    if len({each.verdict for each in machines}) > 1:
        yield "; ".join(f"{each.machine}: {each.verdict}" for each in machines)
    if len({each.speeds for each in machines if each.speeds}) > 1:
        speeds = (f"{each.machine}: {', '.join(each.speeds)}" for each in machines if each.speeds)
        yield "; ".join(speeds)


def _text(*choices: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(choices)} if choices else {"type": "string"}


def _object(properties: Mapping[str, Any], *, more: bool = False) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": more,
        "properties": dict(properties),
    }


def schema() -> dict[str, Any]:
    """The JSON Schema of a receipt."""
    anything: dict[str, Any] = {}
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A receipt of patcher",
        **_object(
            {
                "schema": {"const": SCHEMA},
                "kind": {"const": KIND},
                "made_at": _text(),
                "target": _object({"name": _text(), "version": {"type": ["string", "null"]}}),
                "trees": {"type": "object", "additionalProperties": _text()},
                "patches": {
                    "type": "array",
                    "items": _object(
                        {
                            "name": _text(),
                            "sha256": digest,
                            "claim": _text("bitwise", "close", "perceptual"),
                            "declares": {"type": "array", "items": _text()},
                        }
                    ),
                },
                "verdict": _text(*WORST_FIRST),
                "reason": _text(),
                "gate": _text(),
                "compared": anything,
                "cases": {
                    "type": "array",
                    "items": _object(
                        {
                            "model": _text(),
                            "test": _text(),
                            "status": _text("pass", "fail", "not-applicable"),
                        }
                    ),
                },
                "inputs": anything,
                "speed": {
                    "oneOf": [{"type": "null"}, _object(dict.fromkeys(SPEED, anything))],
                },
                "rule": _object(
                    {"require": {"type": ["string", "null"]}, "plan": {"type": ["string", "null"]}}
                ),
                "guards": {"type": "array", "items": _text()},
                "machine": _object(dict.fromkeys(MACHINE, anything)),
                "versions": _object(dict.fromkeys(VERSIONS, anything)),
                "hashes": _object({"content": _text(), "weights": _text()}),
                "wall_s": {"type": "number"},
                "seal": digest,
            }
        ),
    }
