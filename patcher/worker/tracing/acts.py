"""What acts do: surveyed where the target has tensors, run as they are where it has none."""

from __future__ import annotations

from contextlib import nullcontext
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
    *,
    tensors: bool = True,
) -> SurveyJson:
    """As `survey.observe`, without torch for a target that does without it.

    Args:
        tensors: the target is expected to have some. Where it is not and loads torch all the same,
            the calls are made once more.
    """
    if not tensors and not has_torch():
        answer = _without_tensors(acts, tree, watch)
        if not has_torch():
            return answer
    from .survey import observe as survey  # seconds, for a target that has no tensors

    return survey(acts, tree, watch)


def _without_tensors(
    acts: Mapping[str, Callable[[], object]], tree: str | None, watch: Sequence[WatchJson]
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
