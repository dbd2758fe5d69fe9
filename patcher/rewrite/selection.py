"""Of a set, take what fits the target, and say what is left out and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from patcher.patchfile.model import EditStatus, Patch
from patcher.rewrite.forms import Fit
from patcher.rewrite.plan import PatchPlan, Plan

PlanOn = Callable[[Sequence[Patch]], Plan]
"""Plans patches on the target as it is now."""


@dataclass(frozen=True)
class LeftOut:
    """A patch that is not applied, and why, in one sentence."""

    name: str
    reason: str


@dataclass(frozen=True)
class Selection:
    """The plan of what is taken, and what is left out. The plan may still have problems."""

    plan: Plan
    left_out: tuple[LeftOut, ...] = ()


def select(patches: Sequence[Patch], named: Collection[str], plan_on: PlanOn) -> Selection:
    """Plan patches, without those that the target does not need or cannot take.

    What upstream has is always left out. A patch that came with a set is left out when its code
    is not in the target or differs there; one that was asked for by name stays, as a problem of
    the plan, and so does everything that is no question of fit (drift, conflicts).

    Args:
        patches: in the order asked for.
        named: those that were asked for by name, not as part of a set.
        plan_on: called until nothing more is left out.
    """
    left_out: dict[str, LeftOut] = {}
    while True:
        rest = [patch for patch in patches if patch.name not in left_out]
        plan = plan_on(rest)
        more = {
            each.patch.name: LeftOut(each.patch.name, reason)
            for each in plan.patches
            if (reason := _reason(each, named, left_out))
        }
        if not more or (len(more) == len(rest) and not _all_upstream(plan)):
            return Selection(plan, tuple(left_out.values()))
        left_out |= more


def _all_upstream(plan: Plan) -> bool:
    return all(each.fit is Fit.UPSTREAM for each in plan.patches)


def _reason(plan: PatchPlan, named: Collection[str], left_out: Collection[str]) -> str:
    """Why a patch is left out; empty when it is not."""
    if plan.fit is Fit.UPSTREAM and not plan.problems:
        return Fit.UPSTREAM.value
    if plan.patch.name in named or not plan.problems:
        return ""
    missing = [name for name in plan.patch.requires if name in left_out]
    if missing:
        return f"it requires {missing[0]}, which is left out"
    codes = {problem.code for problem in plan.problems}
    if not codes <= {"incompatible", EditStatus.MISSING.value, EditStatus.AMBIGUOUS.value}:
        return ""
    first = plan.problems[0].message
    return first if "incompatible" in codes else why_not(first, plan.fit)


def why_not(message: str, fit: Fit | None) -> str:
    """A problem's message after what it says of the fit (``moved``, ``not there``)."""
    return message if fit in (None, Fit.FITS) else f"{fit.value}: {message}"
