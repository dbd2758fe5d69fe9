"""The record of what passed: `passed.json`, one for each working copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.settings import load_settings
from patcher.store import records
from patcher.targets.content import workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.store.working_copy import WorkingCopy

FILE = "passed.json"
SCHEMA = 1


def read_passed(copy: WorkingCopy) -> Mapping[str, Any]:
    """What is remembered; nothing where the file is missing or is not what was written."""
    path = copy.home / FILE
    record = records.decode(path.read_bytes()) if path.is_file() else None
    return record if record is not None and record.get("schema") == SCHEMA else {}


def workload(copy: WorkingCopy) -> str:
    """The hash of what the settings say to run, as they are now."""
    root = copy.workspace.root
    return workload_of(load_settings(root), root)


def workload_changed(copy: WorkingCopy) -> bool:
    """What is run was changed after the last pass; a pass that says nothing of it stands."""
    then = read_passed(copy).get("workload")
    try:
        return then is not None and then != workload(copy)
    except (PatcherError, OSError):  # settings or a file that cannot be read any more
        return True
