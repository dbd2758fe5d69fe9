"""A pass on record: its results stand for the gates' runs when nothing but speed is new.

The gates themselves are evaluated again, on the recorded bytes, with the limits of now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.execution.results import Arm
from patcher.verify.plan import CallReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.execution.results import CaseResult
    from patcher.execution.rundb import RunDb
    from patcher.verify.setup import Setup

# Why a pass that says enough stands for nothing all the same.
LOST = (
    "of the pass on record, results are not kept any more, the machine, its packages or the "
    "guards are others, or another model was put through some of the calls"
)


@dataclass(frozen=True)
class PassOnRecord:
    """What a run that passed left: the seed of its calls, and every result with its key."""

    seed: int
    results: tuple[tuple[str, CaseResult], ...]


def pass_on_record(db: RunDb, setup: Setup) -> PassOnRecord | None:
    """The newest pass of these very trees that holds all that this request would run, or None.

    A request that asks for less than was run finds what it needs. A pass without guards stands for
    nothing that is to be guarded, and none stands any more once the same trees failed.
    """
    request = setup.request
    if not request.reuse_pass or request.fresh:
        return None
    for each in db.passes({arm.value: tree.sha256 for arm, tree in request.trees.items()}):
        if (request.sandbox and not each.sandbox) or request.seed not in (None, each.seed):
            continue
        results = [*_results(db, setup.planned(each.seed), each.id)]
        kept = tuple((key, result) for key, result in results if result is not None)
        if len(kept) == len(results):
            return PassOnRecord(each.seed, kept)
    return None


def _results(db: RunDb, setup: Setup, run: int) -> Iterator[tuple[str, CaseResult | None]]:
    """Every result that a request needs, the patched arm's from one run alone; None for a gap."""
    for model, call in setup.plan.pairs():
        refused = call.kind is CallReason.REFUSED
        key = setup.key(Arm.BASELINE, model, call.test)
        baseline = db.find(run, key, Arm.BASELINE, refused=refused)
        yield key, baseline
        if baseline is not None and baseline.not_applicable:
            continue  # where the baseline has no such case, the patched arm was not asked
        key = setup.key(Arm.PATCHED, model, call.test)
        yield key, db.find(run, key, Arm.PATCHED)
