"""What passed, and under which request: what a failure may go back to. Pure.

A series that passed a weak judge has not passed a strong one. Going back to it would leave a patch
in place, called verified, that this very request might refuse.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from patcher.execution.rundb import key_of
from patcher.patchfile.model import Equivalence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.verify.setup import Request

LOOSEST_FIRST = (Equivalence.PERCEPTUAL, Equivalence.CLOSE, Equivalence.BITWISE)
REQUIRED = ("", "not-slower", "faster")
TIMED = ("", "quick", "full")


@dataclass(frozen=True)
class Strength:
    """How a series is, or was, judged.

    Attributes:
        tree: sha256 of pristine.
        gate: the loosest claim of the series.
        cases: a key of each case: model, test, their options, the seed.
        weights: fingerprint of weights and clips.
        content: of the workload's and the adapter's own files.
        settings: of everything else that decides what runs: device, size, thresholds, interpreter.
        inputs: how many inputs were drawn beside the cases.
        life: how many calls were lived through.
        survival: what can be done with a model beside calling it was tried.
        timed: the plan, or empty; ``required``: of ``--require``, or empty.
    """

    tree: str
    gate: str
    cases: tuple[str, ...]
    weights: str
    content: str
    settings: str
    inputs: int = 0
    life: int = 0
    survival: bool = False
    timed: str = ""
    required: str = ""

    def covers(self, other: Strength, *, speed: bool) -> bool:
        """Whether passing this says that ``other`` would have been passed.

        Args:
            speed: what is asked about speed counts too; it need not where something else failed.
        """
        same = ("tree", "weights", "content", "settings")
        order = [claim.value for claim in LOOSEST_FIRST]
        return (
            all(getattr(self, name) == getattr(other, name) for name in same)
            and set(other.cases) <= set(self.cases)
            and order.index(self.gate) >= order.index(other.gate)
            and self.inputs >= other.inputs
            and self.life >= other.life
            and self.survival >= other.survival
            and (
                not speed
                or (
                    TIMED.index(self.timed) >= TIMED.index(other.timed)
                    and REQUIRED.index(self.required) >= REQUIRED.index(other.required)
                )
            )
        )

    @classmethod
    def of(cls, request: Request, tree: str, timed: str | None, required: str | None) -> Strength:
        """Of a request; ``tree`` is the sha256 of pristine."""
        options = request.options
        assets = request.adapter.assets(request.matrix, options, request.version)
        return cls(
            tree=tree,
            gate=request.equivalence.value,
            cases=tuple(
                key_of(model.name, model.options, test.name, test.options, test.seed)
                for model, test in request.matrix.pairs()
            ),
            weights=assets.fingerprint,
            content=request.content,
            settings=key_of(
                options.device,
                options.scale,
                str(options.checkpoint),
                options.pretrained,
                request.limits,
                request.python,
                request.adapter.distribution,
                request.version,
            ),
            inputs=getattr(request, "inputs", 0) or 0,
            life=getattr(request, "life", 0) or 0,
            survival=bool(getattr(request, "full", False)),
            timed=timed or "",
            required=required or "",
        )


@dataclass(frozen=True)
class Passed:
    """A series that passed, each patch as its name and the sha256 of its spec."""

    series: tuple[tuple[str, str], ...]
    strength: Strength

    def as_json(self) -> dict[str, Any]:
        """JSON values; `from_json` gives the equal record back."""
        return {"series": [list(each) for each in self.series], "strength": asdict(self.strength)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Passed:
        """What `as_json` gave.

        Raises:
            ValueError, KeyError, TypeError: it is something else.
        """
        values = data["strength"]
        if set(values) != {each.name for each in fields(Strength)}:
            raise ValueError("not a strength")
        strength = Strength(**{**values, "cases": tuple(values["cases"])})
        return cls(tuple((str(a), str(b)) for a, b in data["series"]), strength)


DIFFERS: Mapping[str, str] = {
    "tree": "pristine is another",
    "weights": "the weights are others",
    "content": "the workload's or the adapter's own files changed",
    "settings": "another device, size, interpreter or limit is asked for",
}


def why_not_again(known: Sequence[Passed], series: Sequence[tuple[str, str]], now: Strength) -> str:
    """Why the newest pass of a series says less than is asked now; empty where it says enough.

    What is asked of speed apart: no pass on record answers that.
    """
    (then,) = [each.strength for each in known if each.series == tuple(series)][-1:] or [now]
    reasons = [text for name, text in DIFFERS.items() if getattr(then, name) != getattr(now, name)]
    order = [claim.value for claim in LOOSEST_FIRST]
    if not set(now.cases) <= set(then.cases):
        reasons.append("it had other cases")
    if order.index(then.gate) < order.index(now.gate):
        reasons.append(f"its gate was {then.gate}")
    if then.inputs < now.inputs:
        reasons.append(
            f"it drew {then.inputs} inputs for each model, and {now.inputs} are asked for"
        )
    if now.survival and not then.survival:
        reasons.append("it did not try inputs up to the model's limits")
    return f"of the pass on record, {', '.join(reasons)}" if reasons else ""


def remembered(known: Sequence[Passed], new: Passed) -> tuple[Passed, ...]:
    """The records of one series, with a new one: none that another makes superfluous."""
    same = [
        each
        for each in known
        if each.series == new.series and not new.strength.covers(each.strength, speed=True)
    ]
    if any(each.strength.covers(new.strength, speed=True) for each in same):
        return tuple(same)
    return (*same, new)


def goes_back_to(
    known: Sequence[Passed],
    verified: Sequence[tuple[str, str]],
    failed: Sequence[tuple[str, str]],
    strength: Strength,
    *,
    speed: bool,
) -> bool:
    """Whether a failure under ``strength`` may go back to the series last verified.

    Args:
        verified: the series last verified; ``failed``: the one that has just failed.
        speed: the failure is one of speed, or came while timing.
    """
    if tuple(verified) == tuple(failed):
        return False
    return any(
        each.series == tuple(verified) and each.strength.covers(strength, speed=speed)
        for each in known
    )
