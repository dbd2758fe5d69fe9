"""What acts do: surveyed where the target has tensors, run as they are where it has none."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from .conditions import Conditions, followed, show, with_lines
from .failure import has_torch
from .frames import Stacks, located

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .answers import ActFailureJson, SurveyJson, WatchJson


def observe(
    acts: Mapping[str, Callable[[], object]],
    tree: str | None = None,
    watch: Sequence[WatchJson] = (),
) -> SurveyJson:
    """As `survey.observe`, without torch for a target that does without it.

    Args:
        acts: the calls by name; they are made once more when a target whose files do not name torch
            loads it all the same.
        tree: import root of the target; paths in the answer are relative to it.
        watch: lines ``{"file", "line"}`` whose tests to follow.
    """
    if not has_torch() and tree is not None and not names_torch(Path(tree)):
        answer = _without_tensors(acts, tree, watch)
        if not has_torch():
            return answer
    from .survey import observe as survey  # seconds, for a target that has no tensors

    return survey(acts, tree, watch)


def names_torch(tree: Path) -> bool:
    """Whether any Python file below a folder has the word."""
    return any(b"torch" in path.read_bytes() for path in tree.rglob("*.py") if path.is_file())


def _without_tensors(
    acts: Mapping[str, Callable[[], object]], tree: str, watch: Sequence[WatchJson]
) -> SurveyJson:
    stacks = Stacks(tree)
    watched = followed(acts, tree, watch)
    failures: list[ActFailureJson] = []
    for name, act in acts.items():
        with Conditions(watched.get(name, ()), show, nullcontext).follow():
            try:
                act()
            except Exception as error:
                failures.append({"act": name, **located(error, stacks)})
    nothing: SurveyJson = {
        "acts": list(acts), "operators": 0, "places": [], "scopes": [], "events": [],
        "convolutions": [], "conversions": [], "synchronisations": [], "mixed": [], "refusals": [],
        "watched": [], "failures": failures,
    }  # fmt: skip
    return with_lines(nothing, watched, watch)
