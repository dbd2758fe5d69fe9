"""A package of one module that has something to gain, and a workload for it."""

from __future__ import annotations

MODULE = '''\
"""Sums."""


def slow_sum(numbers):
    total = 0
    for number in numbers:
        for _ in range(60):
            total = total + number
    return total // 60


def largest(numbers):
    return max(numbers)


def double(number):
    return number * 2


def unused(numbers):
    return len(numbers)
'''


def workload(count: int = 1500) -> str:
    """A workload that sums so many numbers; nothing in it calls ``unused``."""
    return f"""\
import sums


def draw(rng):
    return [rng.randrange(1, 1000) for _ in range({count})]


def work(numbers):
    return sums.slow_sum(numbers), sums.largest(numbers), sums.double(numbers[0])
"""
