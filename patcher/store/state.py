"""What is true of a working copy: one file, replaced in one step. Its rename is the commit."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.patchfile.model import Guard
from patcher.store import records

if TYPE_CHECKING:
    from collections.abc import Mapping

SERIES_FILE = "series.json"


@dataclass(frozen=True)
class Applied:
    """A patch of the series, with all that replaying it needs.

    Attributes:
        sha256: of ``spec_text``.
        attachments: files that travel with the spec, by path relative to its folder.
        guard: how the patch is chosen at run time; None for one that always runs.
    """

    name: str
    spec_text: str
    sha256: str
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    guard: Guard | None = None


@dataclass(frozen=True)
class Touched:
    """A file that differs from pristine: hashes and permission bits; None means no file."""

    pristine: str | None
    pristine_mode: int
    current: str | None
    mode: int


@dataclass(frozen=True)
class State:
    """The content of ``series.json``.

    Attributes:
        root: the import root: relative to the workspace for a managed working copy, absolute in
            place.
        in_place: True when the root is somebody's own checkout.
        index: sha256 of the index of pristine hashes; None in place.
        generation: counts the changes; ``transaction`` names the last one.
        verified: the series that last passed verification.
    """

    target: str
    version: str | None
    origin: str
    packages: tuple[str, ...]
    root: str
    in_place: bool = False
    index: str | None = None
    generation: int = 0
    transaction: str = ""
    series: tuple[Applied, ...] = ()
    verified: tuple[Applied, ...] | None = None
    touched: Mapping[str, Touched] = field(default_factory=dict)

    def after(
        self,
        transaction: str,
        series: tuple[Applied, ...],
        verified: tuple[Applied, ...] | None,
        touched: Mapping[str, Touched],
    ) -> State:
        """The state that a change leads to."""
        return replace(
            self,
            generation=self.generation + 1,
            transaction=transaction,
            series=series,
            verified=verified,
            touched=touched,
        )


def dump(state: State) -> bytes:
    """The bytes of ``series.json``; its number is 2 only where a patch is guarded."""
    series = (*state.series, *(state.verified or ()))
    return records.encode(
        {
            "schema": 2 if any(each.guard for each in series) else 1,
            "target": state.target,
            "version": state.version,
            "origin": state.origin,
            "packages": list(state.packages),
            "root": state.root,
            "in_place": state.in_place,
            "index": state.index,
            "generation": state.generation,
            "transaction": state.transaction,
            "series": [_dump_applied(each) for each in state.series],
            "verified": None
            if state.verified is None
            else [_dump_applied(each) for each in state.verified],
            "touched": {path: vars(each) for path, each in state.touched.items()},
        }
    )


def load(data: bytes, where: str) -> State:
    """Read ``series.json``.

    Raises:
        PatcherError: ``state-damaged`` when the bytes are not what `dump` wrote.
    """
    record = records.decode(data)
    try:
        if record is None or record["schema"] not in (1, 2):
            raise ValueError
        verified = record["verified"]
        return State(
            target=record["target"],
            version=record["version"],
            origin=record["origin"],
            packages=tuple(record["packages"]),
            root=record["root"],
            in_place=record["in_place"],
            index=record["index"],
            generation=record["generation"],
            transaction=record["transaction"],
            series=tuple(map(_load_applied, record["series"])),
            verified=None if verified is None else tuple(map(_load_applied, verified)),
            touched={path: Touched(**each) for path, each in record["touched"].items()},
        )
    except (ValueError, KeyError, TypeError):
        raise PatcherError(
            "state-damaged",
            f"{where} is not what patcher wrote",
            hint="`patcher recover` takes it from the backups",
            where=where,
        ) from None


def _dump_applied(each: Applied) -> dict[str, Any]:
    guard = {"guard": asdict(each.guard)} if each.guard else {}
    return {
        **guard,
        "name": each.name,
        "sha256": each.sha256,
        "spec_text": each.spec_text,
        "attachments": {
            path: base64.b64encode(data).decode() for path, data in each.attachments.items()
        },
    }


def _load_applied(record: Mapping[str, Any]) -> Applied:
    return Applied(
        name=record["name"],
        spec_text=record["spec_text"],
        sha256=record["sha256"],
        attachments={path: base64.b64decode(text) for path, text in record["attachments"].items()},
        guard=_load_guard(record["guard"]) if "guard" in record else None,
    )


def _load_guard(record: Mapping[str, Any]) -> Guard:
    return Guard(record["fallback"], record["rollout"], tuple(record["entry_points"]))
