"""Tricks under the claim `close`: wrong by just less than the tolerance, or where it says nothing.

Every answer is a function of its own in a small `call` workload; one verification judges them all.
What is within the tolerance of one single number is within it: that is what the claim says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from patcher.patchfile.model import Equivalence
from tests.redteam.test_values import judged_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = "[[rare(n) * (m + 1) for m in range(4)] for n in range(90)]"
RARE = """
def wave(size=200):
    return [math.sin(0.37 * n) * (1 + n % 7) for n in range(size)]


def rare(n):
    return 5e-6 if n % 3 == 0 else 1.0 + n / 7


def array(values, kind="f8"):
    return numpy.array(values, kind)


def rounded(values, step):
    return [step * round(value / step) for value in values]


def summed(values):
    return [math.fsum(values[:at]) for at in range(1, len(values) + 1)]


def added(values):
    return [sum(values[:at]) for at in range(1, len(values) + 1)]

"""
# What the package returns, and what the patch makes of it.
WRONG: Mapping[str, tuple[str, str]] = {
    "always a little more": ("wave()", "[x + 9e-6 for x in wave()]"),
    "always a little more, in an array": ("array(wave())", "array(wave()) + 9e-6"),
    "always a little less, in many lists": (
        "[wave(9)[n:n + 3] for n in range(9)] * 3",
        "[[x - 6e-6 for x in wave(9)[n:n + 3]] for n in range(9)] * 3"),
    "louder by just under the tolerance": ("array(wave())", "array(wave()) * (1 + 9e-5)"),
    "louder by a fifth of the tolerance": ("array(wave())", "array(wave()) * (1 + 2e-5)"),
    "quieter, complex": ("array(wave()) * (1 + 1j)", "array(wave()) * (1 + 1j) * (1 - 9e-5)"),
    "rounded to a grid within the tolerance": (
        "[5 + x / 7 for x in wave()]", "rounded([5 + x / 7 for x in wave()], 7e-4)"),
    "noise up to the tolerance": (
        "array(wave())", "array(wave()) * (1 + 9e-5 * (numpy.arange(200) % 2 * 2 - 1))"),
    "rare rows dropped": (ROWS, ROWS.replace("rare(n)", "(rare(n) if n % 3 else 0.0)")),
    "rare rows dropped, in an array": (
        f"array({ROWS})", f"array({ROWS}) * (numpy.arange(90) % 3 > 0)[:, None]"),
    "half precision": ("array(wave(), 'f4')", "array(wave(), 'f2').astype('f4')"),
    "half precision, and its type": ("array(wave(), 'f4')", "array(wave(), 'f2')"),
    "single precision, and its type": ("array(wave())", "array(wave(), 'f4')"),
    "a finite number for an infinite one": ("[1.0, math.inf]", "[1.0, 5.0]"),
    "the other infinity": ("[1.0, math.inf]", "[1.0, -math.inf]"),
    "a finite number for an infinite one, in an array": (
        "array([1.0, math.inf])", "array([1.0, 5.0])"),
    "an infinity for a number": ("array([1.0, 5.0])", "array([1.0, math.inf])"),
    "NaN for a number": ("[1.0, 5.0]", "[1.0, math.nan]"),
    "NaN for a number, in an array": ("array([1.0, 5.0])", "array([1.0, math.nan])"),
    "a number for NaN": ("array([1.0, math.nan])", "array([1.0, 5.0])"),
    "nothing at all": ("array(wave())", "array([])"),
    "nothing, of another shape": ("numpy.zeros((0, 3))", "numpy.zeros((3, 0))"),
    "nothing for nothing, of another type": ("numpy.zeros(0)", "[]"),
    "the last value missing": ("wave()", "wave()[:-1]"),
    "a whole number that is nearly the same": ("10**6", "10**6 + 1"),
    "whole numbers that are nearly the same": (
        "array([10**6], 'i8')", "array([10**6 + 1], 'i8')"),
    "the best of two that are nearly the same": (
        "max((0.5, 'a'), (0.500001, 'b'))", "max((0.5, 'a'), (0.499999, 'b'))"),
    "a number in a text": ("f'{1 / 3:.6f}'", "f'{1 / 3 + 1e-6:.6f}'"),
    "a flag": ("[0.1 + 0.2 > 0.3]", "[0.1 + 0.2 > 0.30001]"),
}  # fmt: skip
# Differences that another order, another kernel or a fused operation makes.
RIGHT: Mapping[str, tuple[str, str]] = {
    "another order of a sum": ("summed(wave())", "added(wave())"),
    "a sum in single precision": (
        "array(wave(), 'f4').reshape(20, 10).sum(1)",
        "array([sum(row) for row in array(wave(), 'f4').reshape(20, 10)], 'f4')"),
    "a product in another order": (
        "array(wave(), 'f4') * numpy.float32(0.1) * numpy.float32(0.3)",
        "array(wave(), 'f4') * (numpy.float32(0.1) * numpy.float32(0.3))"),
    "single precision inside": ("array(wave())", "array(wave(), 'f4').astype('f8')"),
    "one number within the tolerance": ("1.0", "1.00005"),
    "negative zero": ("array([0.0, 1.0])", "array([-0.0, 1.0])"),
    "infinities that are equal": ("array([math.inf, 1.0])", "array([math.inf, 1.0 + 1e-6])"),
}  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The verdict on each answer, by name, of one verification."""
    folder = tmp_path_factory.mktemp("close")
    helpers = f"import math\n{RARE}"
    return judged_answers(
        folder, {**WRONG, **RIGHT}, helpers=helpers, equivalence=Equivalence.CLOSE
    )


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_at_the_edge_of_its_tolerance_is_refused(
    name: str, verdicts: Mapping[str, str]
) -> None:
    assert verdicts[name] == "fail"


@pytest.mark.parametrize("name", RIGHT)
def test_what_rounding_does_passes(name: str, verdicts: Mapping[str, str]) -> None:
    assert verdicts[name] == "pass"
