"""What a timing process is asked for: fresh inputs, none of them twice in one process. Pure.

What can be won by answering an input again is not what a user wins who asks for something new. So
every call of a process has an input of its own, alike in work to the test it stands for: letters
shuffled within the words, other seeds, other voices. Short calls are timed in batches.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from patcher.execution.results import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.bench.speed import BenchPlan
    from patcher.targets.adapter import Model, Test

# A batch lasts this long, so that the pipe and the clocks do not count; at most so many inputs.
BATCH_S = 0.25
MOST_IN_A_BATCH = 64
MOST_BATCHES = 9  # of a case, in a process


@dataclass(frozen=True)
class TimedCase:
    """A test with the inputs that stand for it in a timing process.

    Attributes:
        warm: calls before the timed ones, one by one.
        batches: timed calls; the first input of the first batch is the test's own.
        fresh: no input comes twice in the process; False where the target's inputs cannot be
            varied, or the test says ``repeat: true``.
    """

    test: Test
    warm: tuple[Test, ...]
    batches: tuple[tuple[Test, ...], ...]
    fresh: bool = True

    @property
    def inputs(self) -> tuple[Test, ...]:
        """Every input, in the order of the calls."""
        return (*self.warm, *(each for batch in self.batches for each in batch))


@dataclass(frozen=True)
class TimedModel:
    """A model with the cases timed on it."""

    model: Model
    cases: tuple[TimedCase, ...]


def plan_inputs(
    models: Sequence[tuple[Model, Sequence[Test]]],
    plan: BenchPlan,
    seed: str,
    *,
    call_s: Mapping[Case, float] | None = None,
    vary: Callable[[random.Random, Test], Test] | None = None,
    fresh_process: bool = False,
) -> tuple[TimedModel, ...]:
    """The inputs of every process of a bench: the same for both arms.

    Args:
        seed: drawn when the trees were frozen.
        call_s: roughly what one call takes on the baseline; unknown calls are not batched.
        vary: an adapter's own way to another input of the same work; `shuffled_input` by default.
        fresh_process: every call is a process of its own: nothing can be kept from one to the next.
    """
    known = call_s or {}
    cases = sum(len(tests) for _, tests in models)

    def case(model: Model, test: Test) -> TimedCase:
        rng = random.Random(f"{seed}/{model.name}/{test.name}")
        expected_s = known.get(Case(model.name, test.name))
        result = _case(test, plan, rng, expected_s, vary or shuffled_input, cases)
        return replace(result, fresh=result.fresh or fresh_process)

    return tuple(
        TimedModel(model, tuple(case(model, test) for test in tests)) for model, tests in models
    )


def _case(
    test: Test,
    plan: BenchPlan,
    rng: random.Random,
    call_s: float | None,
    vary: Callable[[random.Random, Test], Test],
    cases: int,
) -> TimedCase:
    size = batch_size(call_s)
    count = plan.warm_ups + batch_count(call_s, plan.timed, plan.measured_s / cases) * size
    if test.options.get("repeat") is True:
        others = [test] * (count - 1)
    else:
        others = [vary(rng, test) for _ in range(count - 1)]
    warm, rest = others[: plan.warm_ups], [test, *others[plan.warm_ups :]]
    batches = tuple(tuple(rest[at : at + size]) for at in range(0, len(rest), size))
    # A label of its own for each: answers are kept by it.
    named = TimedCase(
        test,
        tuple(replace(one, name=f"{test.name} / warm {n}") for n, one in enumerate(warm, 1)),
        tuple(
            tuple(
                replace(one, name=f"{test.name} / input {b * size + n}")
                for n, one in enumerate(batch, 1)
            )
            for b, batch in enumerate(batches)
        ),
    )
    return replace(named, fresh=_differ([one.options for one in named.inputs]))


def batch_size(call_s: float | None) -> int:
    """How many calls are timed at once."""
    if not call_s or call_s >= BATCH_S:
        return 1
    return min(MOST_IN_A_BATCH, ceil(BATCH_S / call_s))


def batch_count(call_s: float | None, least: int, measured_s: float) -> int:
    """How many batches of a case a process times: more of them where calls are short."""
    if not call_s or call_s >= BATCH_S:
        return least
    fitting = round(measured_s / (batch_size(call_s) * call_s))
    return max(least, min(MOST_BATCHES, fitting))


def shuffled_input(rng: random.Random, test: Test) -> Test:
    """Another input of the same size: texts with their letters shuffled, other seeds and voices.

    Only what is known to be free is changed: the test's seed, the options ``text`` and ``draw``,
    the ``seed`` of an option ``reference``.
    """
    options = dict(test.options)
    if isinstance(options.get("text"), str):
        options["text"] = shuffled(rng, options["text"])
    if isinstance(options.get("draw"), int):
        options["draw"] = rng.getrandbits(64)
    reference = options.get("reference")
    if isinstance(reference, dict) and "seed" in reference:
        options["reference"] = {**reference, "seed": rng.randrange(1 << 30)}
    return replace(test, options=options, seed=rng.randrange(1 << 30))


def shuffled(rng: random.Random, text: str) -> str:
    """The words in another order, the letters of each in another order, signs where they were."""
    letters = [each for each in text if each.isalpha()]
    rng.shuffle(letters)
    drawn = iter(letters)
    return "".join(next(drawn) if each.isalpha() else each for each in text)


def _differ(options: Sequence[Mapping[str, Any]]) -> bool:
    kept = [repr(sorted(each.items(), key=lambda item: item[0])) for each in options]
    return len(set(kept)) == len(kept)
