"""What was verified is remembered with how: one file beside the run database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.store import records
from patcher.store.fs import Folder
from patcher.verify.passed import Passed, goes_back_to, remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.store.state import Applied
    from patcher.store.working_copy import WorkingCopy
    from patcher.verify.passed import Strength

FILE = "passed.json"
SCHEMA = 1


def remember(copy: WorkingCopy, strength: Strength) -> None:
    """The series as it stands passed under ``strength``."""
    known = remembered(_read(copy), Passed(_keys(copy.series), strength))
    data = records.encode({"schema": SCHEMA, "passed": [each.as_json() for each in known]})
    with Folder.open(copy.home) as home:
        home.replace_file(FILE, data)


def fallback(copy: WorkingCopy, strength: Strength, *, speed: bool) -> tuple[Applied, ...]:
    """What a failure under ``strength`` goes back to; empty for pristine.

    The series that last passed, where it passed at least as strong a request, is another than the
    one that failed, and is still part of it: what the user took out stays out.

    Args:
        speed: the failure is one of speed, or came while timing.
    """
    verified = copy.verified_series or ()
    if not all(each in copy.series for each in verified):
        return ()
    keys, failed = _keys(verified), _keys(copy.series)
    back = goes_back_to(_read(copy), keys, failed, strength, speed=speed)
    return tuple(verified) if back else ()


def _keys(series: Sequence[Applied]) -> tuple[tuple[str, str], ...]:
    return tuple((each.name, each.sha256) for each in series)


def _read(copy: WorkingCopy) -> list[Passed]:
    """What is remembered; nothing where the file is missing or is not what was written."""
    path = copy.home / FILE
    record = records.decode(path.read_bytes()) if path.is_file() else None
    if record is None or record.get("schema") != SCHEMA:
        return []
    try:
        return [Passed.from_json(each) for each in record["passed"]]
    except (KeyError, TypeError, ValueError):
        return []
