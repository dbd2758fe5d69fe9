"""Why a call failed: run it again under a trace, and once more for the tests around the line."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from .conditions import Conditions, Watched, show, watch_line
from .frames import Stacks, located

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from . import answers


def trace(
    run: Callable[[], object],
    tree: str | None = None,
    watch: Iterable[answers.WatchJson] = (),
) -> answers.FailureJson:
    """Run a call that is expected to fail, and say why it does.

    Args:
        run: the call; it is made twice when it fails, since the tests around the failing line are
            only known then, and once more when it loads torch by itself.
        tree: import root of the target; paths in the answer are relative to it.
        watch: further lines ``{"file", "line"}`` whose tests to follow (for a call that passes).

    Returns:
        JSON values. ``kind`` is ``none`` (it passed), ``inplace-update``, ``memory-format``,
        ``inference-tensor`` or ``other``; ``at`` the failing line; ``tensor`` what it was done to;
        ``made`` and ``now`` the call stack and modes then and at the failure; ``conditions`` the
        watched lines (the failing one first) with what their tests evaluated to.
    """
    with_tensors = has_torch()
    stacks = Stacks(tree)
    watch = list(watch)
    watched = [watch_line(os.path.join(tree or "", each["file"]), each["line"]) for each in watch]
    error, result = _once(run, stacks, watched)
    if error is not None and not with_tensors and has_torch():
        return trace(run, tree, watch)
    answer: answers.FailureJson = {"kind": "none", "watched": [each.as_json() for each in watched]}
    if error is None:
        return answer
    answer.update(result)
    place = stacks.of_traceback(error.__traceback__)
    if place is not None:
        frame, line = place
        around = watch_line(frame.f_code.co_filename, line)
        if around.guards:
            del frame, place, error
            _once(run, stacks, [around])
        answer["conditions"] = around.as_json()
    return answer


def _once(
    run: Callable[[], object], stacks: Stacks, watched: list[Watched]
) -> tuple[Exception | None, answers.FailureJson]:
    if has_torch():
        from .tensors import once  # seconds, for a target that has no tensors

        return once(run, stacks, watched)
    with Conditions(watched, show, nullcontext).follow():
        try:
            run()
        except Exception as error:
            return error, located(error, stacks)
    return None, {}


def has_torch() -> bool:
    """The target has loaded torch; None stands there where it was told to do without."""
    return sys.modules.get("torch") is not None
