"""Asks the user's own ``compare`` about two values, in a process that does nothing else.

``compare = "bench.py:same"`` names a function of two values: what the baseline returned and what
the patched arm returned. It answers with a bool, with a message (empty where they count as equal),
or with both. The standard library alone, and Python 3.8.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.worker.decoding import CannotDecode, decode, names_in
from patcher.worker.workloads import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

EQUAL = "equal"
DIFFERS = "differs"
BROKEN = "broken"
"""The function, not the patch, is at fault."""
ARMS = ("baseline", "patched")


def compare(
    root: str, reference: str, modules: Sequence[str], buffers: Mapping[str, Any]
) -> dict[str, str]:
    """What the function says: ``verdict`` (one of the words above), ``text`` and ``where``.

    Args:
        root: the folder that files are relative to.
        modules: files and modules of the workload: what defines the classes of its values.
        buffers: the skeleton and the arrays of both values, as (dtype, shape, bytes), by
            ``ARM/NAME``; an arm's skeleton comes first.
    """
    (skeleton, arrays), (other, others) = (_of(arm, buffers) for arm in ARMS)
    allowed = names_in(skeleton)
    try:
        for module in modules:
            load(Path(root), module)
        place, _, name = reference.rpartition(":")
        known = place.endswith(".py") and place in modules
        loaded = sys.modules[Path(place).stem] if known else load(Path(root), place)
        function: Callable[[Any, Any], object] = getattr(loaded, name)
    except BaseException as error:
        return _raised(error)
    try:
        baseline, again, once_more = (decode(skeleton, arrays, allowed) for _ in range(3))
    except CannotDecode as error:
        return _answer(BROKEN, f"what the baseline returned cannot be put together again: {error}")
    try:
        patched = decode(other, others, allowed)
    except CannotDecode as error:
        return _answer(DIFFERS, f"it is not a value like the baseline's: {error}")
    try:
        itself = read(function(baseline, again))
        result = read(function(once_more, patched))
    except BaseException as error:
        return _raised(error)
    if itself is not None:
        detail = f": {itself}" if itself else ""
        return _answer(BROKEN, f"it does not count a value as equal to itself{detail}")
    return _answer(EQUAL) if result is None else _answer(DIFFERS, result)


def read(answer: object) -> str | None:
    """None where the values count as equal; else what differs, perhaps empty.

    Raises:
        TypeError: it is none of the three answers.
    """
    text = ""
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], str):
        answer, text = answer
    elif isinstance(answer, str):
        return answer or None
    if type(answer).__name__ in ("bool", "bool_", "Tensor", "ndarray"):
        return None if bool(answer) else text
    kind = type(answer).__name__
    raise TypeError(f"it returned {kind}; it must return a bool, a message, or (bool, message)")


def _of(arm: str, buffers: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    own = {
        name[len(arm) + 1 :]: buffer
        for name, buffer in buffers.items()
        if name.startswith(f"{arm}/")
    }
    first = next(iter(own))
    return own.pop(first)[2], own


def _answer(verdict: str, text: str = "", where: str = "") -> dict[str, str]:
    return {"verdict": verdict, "text": text, "where": where}


def _raised(error: BaseException) -> dict[str, str]:
    frames = [
        each for each in traceback.extract_tb(error.__traceback__) if each.filename != __file__
    ]
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return _answer(BROKEN, f"{type(error).__name__}: {error}", where)
