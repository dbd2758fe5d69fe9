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


def double(number):
    return number * 2
'''
WORKLOAD = """\
import sums


def draw(rng):
    return [rng.randrange(1000) for _ in range(1500)]


def work(numbers):
    return sums.slow_sum(numbers), sums.double(numbers[0])
"""
