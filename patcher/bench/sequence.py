"""Judging one candidate after another without letting chance pick the winner. Pure.

A candidate is first screened: one quick look, as in ``verify --bench``, that ends with the pair
that rules ``faster`` out, or after two pairs that are both faster by a fifth. It does not gate what
timed calls return under a looser claim: the confirmation does. One that screens as faster is
confirmed: measured again, from nothing, at a level that is spent over the sequence. The j-th
confirmation may be wrong with probability ``ERROR / (j (j + 1))``; the sum over all j is ``ERROR``,
however many candidates follow (Foster and Stine's alpha-investing is the idea; without earning
levels back it is Bonferroni over an open sequence). Candidates that screening drops cost nothing,
because their data never enter a confirmation.
"""

from __future__ import annotations

import math
from dataclasses import replace

from patcher.bench.speed import QUICK, BenchPlan, EarlyLook

# One of each order. With nothing changed, two pairs beyond a fifth are rare; a candidate that gets
# through by luck meets a confirmation that begins from nothing.
EARLY = EarlyLook(pairs=2, confidence=0.5, gain=0.2)
SCREEN = replace(QUICK, name="screen", only_faster=True, early=EARLY, gated=False)
ERROR = 0.05  # chance that anything at all is kept from a sequence in which nothing is faster


def level(number: int) -> float:
    """What the ``number``-th confirmation (from 1) may err with."""
    return ERROR / (number * (number + 1))


def confirmation(number: int) -> BenchPlan:
    """The plan of the ``number``-th confirmation: the fewest pairs that reach its confidence.

    An exact signed-rank interval over n pairs reaches ``1 - 2 ** (1 - n)`` at most; one pair more
    leaves room for the next order statistic.
    """
    confidence = 1 - level(number)
    pairs = math.ceil(1 - math.log2(level(number))) + 1
    return BenchPlan("confirm", looks=(pairs,), confidence=confidence, timed=QUICK.timed, reruns=4)
