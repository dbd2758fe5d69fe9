"""What was verified is remembered with how: one file beside the run database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.commands.shared.passed_record import FILE, SCHEMA, read_passed, workload
from patcher.execution.results import Arm
from patcher.store import records
from patcher.store.fs import Folder
from patcher.verify.on_record import LOST
from patcher.verify.passed import Passed, Strength, goes_back_to, remembered, why_not_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.store.state import Applied
    from patcher.store.working_copy import WorkingCopy
    from patcher.verify.options import VerifyOptions
    from patcher.verify.setup import Request


def remember(copy: WorkingCopy, strength: Strength) -> None:
    """The series as it stands passed under ``strength``."""
    known = remembered(_read(copy), Passed(_keys(copy.series), strength))
    passed = [each.as_json() for each in known]
    data = records.encode({"schema": SCHEMA, "passed": passed, "workload": workload(copy)})
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


def strength_of(request: Request, options: VerifyOptions) -> Strength:
    """How strong a judge the request is."""
    tree = request.trees[Arm.BASELINE].sha256
    if request.clock is not None:  # what was timed is not what another request would time
        return Strength.of(request, tree, None, None)
    return Strength.of(request, tree, options.plan, options.require)


def on_record(copy: WorkingCopy, request: Request, options: VerifyOptions) -> Request:
    """The request of a bench: what the gates ran for a pass of this series is not run again.

    Where it is run again, the request says why.
    """
    if options.plan is None or options.aa or options.again:
        return request
    if options.clock is not None:  # a search gated these trees itself
        return replace(request, reuse_pass=True)
    keys, known = _keys(copy.series), _read(copy)
    if not any(each.series == keys for each in known):
        return request
    why = why_not_again(known, keys, strength_of(request, options))
    return replace(request, reuse_pass=not why, why_not=why or LOST)


def _keys(series: Sequence[Applied]) -> tuple[tuple[str, str], ...]:
    return tuple((each.name, each.sha256) for each in series)


def _read(copy: WorkingCopy) -> list[Passed]:
    """What is remembered; nothing where the file is missing or is not what was written."""
    try:
        return [Passed.from_json(each) for each in read_passed(copy).get("passed", ())]
    except (KeyError, TypeError, ValueError):
        return []
