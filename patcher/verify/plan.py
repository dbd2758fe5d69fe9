"""Which calls each model is put through, in which order, drawn from a seed. Pure.

The named tests of the matrix come first: they are the report's table. After them come further
calls, in an order that the seed decides: inputs nobody could know, a named test once more, its
words with another seed, the shortest text, a call that the package refuses. A patch may be right
once. Models that run the same code share some of these: the seed picks the one that is put through
all kinds, and each of the others gets drawn inputs of its own and a test once more.
"""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from patcher.targets.adapter import draw_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.execution.results import Case
    from patcher.targets.adapter import Adapter, Matrix, Model, Test

INPUTS = 2  # drawn for each model unless the user says otherwise


class CallReason(str, Enum):
    """Why a call is made."""

    NAMED = "named"  # a test of the matrix
    DRAWN = "drawn"  # an input of the adapter's drawing
    EDGE = "edge"  # an input at the edge of what the package takes
    RESEEDED = "reseeded"  # a named test with another seed
    AGAIN = "again"  # a named test once more, others in between
    REFUSED = "refused"  # the package raises; the call after it must not suffer
    ENTRY = "entry"  # another way into the package, which the series touches


EVERYWHERE = (CallReason.DRAWN, CallReason.AGAIN)  # also where another model has the same code


@dataclass(frozen=True)
class Call:
    """One call of a model. ``of``: the named test it repeats, or empty."""

    test: Test
    kind: CallReason = CallReason.NAMED
    of: str = ""


@dataclass(frozen=True)
class CallPlan:
    """All calls, by model, in order."""

    seed: int
    matrix: Matrix
    calls: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)

    @classmethod
    def of_matrix(cls, matrix: Matrix) -> CallPlan:
        """The matrix alone: nothing drawn."""
        named = tuple(Call(test) for test in matrix.tests)
        return cls(0, matrix, {model.name: named for model in matrix.models})

    def of_model(self, model: Model) -> tuple[Call, ...]:
        """A model's calls, the named ones first."""
        return self.calls.get(model.name, ())

    def pairs(self) -> Iterator[tuple[Model, Call]]:
        """Every call, model by model, in order."""
        for model in self.matrix.models:
            for call in self.of_model(model):
                yield model, call

    def call(self, case: Case) -> Call:
        """The call behind a case; KeyError when there is none."""
        for call in self.calls[case.model]:
            if call.test.name == case.test:
                return call
        raise KeyError(case)

    def before(self, case: Case) -> tuple[Call, ...]:
        """What the same worker was asked for before this case."""
        calls = self.calls[case.model]
        return calls[: calls.index(self.call(case))]


def make_plan(
    adapter: Adapter,
    matrix: Matrix,
    *,
    inputs: int = INPUTS,
    seed: int,
    full: bool = False,
    entries: Sequence[Test] = (),
) -> CallPlan:
    """Draw the calls of a verification; to be called when the trees are frozen.

    Args:
        inputs: how many inputs to draw for each model; 0 leaves them out.
        seed: draws the same calls again.
        full: up to the model's own limits.
        entries: other ways into the package, tried on the first model.
    """
    calls = {}
    close = _looked_at_closely(adapter, matrix, seed, full=full)
    for number, model in enumerate(matrix.models):
        rng = random.Random(f"{seed}/{model.name}")
        named = tuple(Call(test) for test in matrix.tests)
        further = _further(adapter, model, matrix.tests, rng, inputs, full=full)
        if model.name not in close:
            further = [call for call in further if call.kind in EVERYWHERE]
        others = [Call(test, CallReason.ENTRY) for test in entries] if number == 0 else []
        calls[model.name] = _named_apart((*named, *further, *others))
    return CallPlan(seed, matrix, calls)


def _looked_at_closely(
    adapter: Adapter, matrix: Matrix, seed: int, *, full: bool
) -> frozenset[str]:
    """The models that get every kind of call: one of each code; in the full plan all."""
    code_of = getattr(adapter, "code_of", None)
    if full or code_of is None:
        return frozenset(model.name for model in matrix.models)
    by_code: dict[str, list[str]] = {}
    for model in matrix.models:
        by_code.setdefault(code_of(model), []).append(model.name)
    return frozenset(
        random.Random(f"{seed}/{code}").choice(names) for code, names in by_code.items()
    )


def _named_apart(calls: Sequence[Call]) -> tuple[Call, ...]:
    """No two calls of a model share a name: results are kept by it."""
    taken: set[str] = set()
    result = []
    for call in calls:
        name = call.test.name
        number = 2
        while name in taken:
            name = f"{call.test.name} ({number})"
            number += 1
        taken.add(name)
        result.append(replace(call, test=replace(call.test, name=name)))
    return tuple(result)


def fresh_seed() -> int:
    """A seed that nobody knows."""
    return secrets.randbelow(1 << 32)


def _further(
    adapter: Adapter,
    model: Model,
    tests: Sequence[Test],
    rng: random.Random,
    inputs: int,
    *,
    full: bool,
) -> list[Call]:
    """What follows the named tests of one model."""
    lives_on = getattr(adapter, "lives_on", None)
    tests = [test for test in tests if lives_on is None or lives_on(test)]
    if getattr(adapter, "fresh_process", False) or not tests:
        return []  # nothing lives from one call to the next
    draws = bool(draw_inputs(adapter, random.Random(0), model, 1))
    reseeds = 1 if inputs > 1 and draws else 0
    drawn = [
        Call(test, CallReason.DRAWN)
        for test in draw_inputs(adapter, rng, model, inputs - reseeds, full=full)
    ]
    if reseeds:
        drawn.insert(rng.randrange(len(drawn) + 1), _reseeded(rng.choice(tests), rng))
    if inputs > 1:
        drawn += [Call(test, CallReason.EDGE) for test in edges_of(adapter, rng, model, full=full)]
        rng.shuffle(drawn)
    again = rng.choice(tests)
    last = Call(replace(again, name=f"{again.name}, again"), CallReason.AGAIN, again.name)
    return [*drawn, *_refused(adapter, model), last]


def edges_of(adapter: Adapter, rng: random.Random, model: Model, *, full: bool) -> tuple[Test, ...]:
    """Inputs at the edges of what the package takes, by `Adapter.edges`; in the full plan all."""
    edges = getattr(adapter, "edges", None)
    every: tuple[Test, ...] = tuple(edges(rng, model)) if edges is not None else ()
    return every if full else every[:1]


def _reseeded(test: Test, rng: random.Random) -> Call:
    name = f"{test.name}, another seed"
    return Call(
        replace(test, name=name, seed=rng.randrange(1 << 30)), CallReason.RESEEDED, test.name
    )


def _refused(adapter: Adapter, model: Model) -> list[Call]:
    """A call that raises, where the adapter knows one."""
    refused = getattr(adapter, "refused", None)
    test = refused(model) if refused is not None else None
    return [] if test is None else [Call(test, CallReason.REFUSED)]
