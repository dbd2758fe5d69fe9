"""What was measured, kept a file a part: ``FOLDER/DEVICE/PART.json``, by subject."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Figures = dict[str, Any]


class Results:
    """A folder of results that several processes may write to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, device: str, part: str) -> dict[str, Figures]:
        """By subject; empty when nothing was measured."""
        path = self.folder / device / f"{part}.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def add(self, device: str, part: str, figures: Mapping[str, Figures]) -> None:
        """Add or replace subjects, whatever others have added since."""
        path = self.folder / device / f"{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            known = {**self.of(device, part), **figures}
            partial = path.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
            partial.replace(path)
        finally:
            os.close(folder)

    def everything(self) -> dict[str, dict[str, dict[str, Figures]]]:
        """By device, part and subject."""
        result: dict[str, dict[str, dict[str, Figures]]] = {}
        for path in sorted(self.folder.glob("*/*.json")):
            device = path.parent.name
            result.setdefault(device, {})[path.stem] = self.of(device, path.stem)
        return result


def still_holds(
    figures: Figures | None, about: Mapping[str, Any], rounds: int, tokens: int
) -> bool:
    """Whether what was saved answers the same question: same tree, machine, versions and work.

    The commit and the date may differ: most commits change neither the target nor a patch.
    """
    if figures is None:
        return False
    passing = ("commit", "date")
    then, now = (
        {key: value for key, value in each.items() if key not in passing}
        for each in (figures["about"], about)
    )
    timed = figures.get("stages", {}).values() if "tokens" in figures else ()
    enough = all(stage["rounds"] >= rounds for stage in timed)
    return then == now and enough and figures.get("tokens", tokens) == tokens
