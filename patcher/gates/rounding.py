"""Whether differences within a tolerance look like rounding. Pure.

A tolerance is for the worst element. Another order of a sum, another kernel: on average they stay
far below it, and to both sides. What stays just within it everywhere, or always on one side, is
another computation, and so is what turns small numbers into zeros.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 24  # differences; fewer show nothing of how they are spread
MOST_ON_AVERAGE = 0.25  # of the tolerance
LEAST_ONE_SIDED = 0.05  # of the tolerance, on average; what is smaller may lean as it likes
ONE_SIDED = 0.9  # of the size of the differences that does not cancel out
LEAST_ZEROED = 16
ZEROED = 1e-3  # of the absolute tolerance: what is smaller may come and go


def near(one: float, other: float, absolute: float, relative: float) -> bool:
    """``|d| <= absolute + relative * |one|``; an infinity or NaN is near nothing but its equal."""
    if one == other:
        return True
    return math.isfinite(one) and abs(one - other) <= absolute + relative * abs(one)


def unlike_rounding(
    one: Sequence[float], other: Sequence[float], absolute: float, relative: float
) -> str:
    """What is odd about differences that are all within their tolerance; empty when nothing is."""
    pairs = [
        (a, b)
        for a, b in zip(one, other, strict=True)
        if a != b and math.isfinite(a) and math.isfinite(b)
    ]
    least = ZEROED * absolute
    zeroed = sum(b == 0 and abs(a) >= least for a, b in pairs)
    made = sum(a == 0 and abs(b) >= least for a, b in pairs)
    if zeroed >= LEAST_ZEROED and zeroed > 8 * made:
        return f"{zeroed} small numbers became exactly zero"
    if len(pairs) < LEAST:
        return ""
    parts = [(b - a) / (absolute + relative * abs(a)) for a, b in pairs]
    size = math.fsum(map(abs, parts)) / len(parts)
    if size > MOST_ON_AVERAGE:
        return (
            f"differences are {size:.2f} of the tolerance on average, and rounding stays under "
            f"{MOST_ON_AVERAGE:g}"
        )
    lean = abs(math.fsum(parts)) / len(parts)
    signs = (math.copysign(part, part * a) for part, (a, _) in zip(parts, pairs, strict=True))
    grown = abs(math.fsum(signs)) / len(parts)
    if size > LEAST_ONE_SIDED and max(lean, grown) > ONE_SIDED * size:
        side = "to one side" if lean >= grown else "away from zero, or always towards it"
        return f"differences go always {side}, by {size:.2f} of the tolerance on average"
    return ""


def scaled_sound(one: Sequence[float], other: Sequence[float]) -> str:
    """Whether a sound differs from another one by its loudness or an offset alone."""
    differences = [b - a for a, b in zip(one, other, strict=True)]
    noise = math.fsum(each * each for each in differences)
    power = math.fsum(each * each for each in one)
    if not noise or not power:
        return ""
    gain = 1 + math.fsum(a * d for a, d in zip(one, differences, strict=True)) / power
    left = math.fsum((b - gain * a) ** 2 for a, b in zip(one, other, strict=True))
    if left < (1 - ONE_SIDED) * noise:
        return f"the difference is one of loudness, by a factor of {gain:.6f}"
    offset = math.fsum(differences) / len(differences)
    if offset * offset * len(differences) > ONE_SIDED * noise:
        return f"the difference is an offset of {offset:.3g}"
    return ""
