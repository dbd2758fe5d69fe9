"""A test run says how long it will take, from how long its tests took before."""

from __future__ import annotations

import pytest

from tests.expected_time import sentence

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("known", "workers", "expected"),
    [
        ({}, 1, "4 tests; how long they take here is known after the first whole run"),
        ({"a": 60.0, "b": 60.0}, 1, "4 tests, about 4 minutes, through at"),
        ({"a": 60.0, "b": 60.0}, 2, "4 tests, about 2 minutes, through at"),
        (dict.fromkeys(NAMES, 5.0), 1, "4 tests, about 20 seconds, through at"),
    ],
    ids=["nothing is known", "half is known", "two workers", "all is known"],
)
def test_the_sentence(known: dict[str, float], workers: int, expected: str) -> None:
    assert sentence(NAMES, known, workers, 0.0).startswith(expected)
