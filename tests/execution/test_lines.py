"""Edited lines are seen as they run; a call is followed until it has shown each edit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from patcher.worker.lines import LineWatch

SOURCE = """\
def work(values):
    total = 0
    for value in values:
        total += value
    return total

def rare(value):
    if value < 0:
        return -value
    return value
"""
traced = pytest.mark.skipif(hasattr(sys, "monitoring"), reason="monitoring costs nothing")


@pytest.fixture
def functions(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    result: dict[str, Any] = {}
    exec(compile(SOURCE, str(path), "exec"), result)
    return result


def watch(tmp_path: Path, enough: dict[str, list[list[int]]] | None) -> LineWatch:
    return LineWatch([str(tmp_path)], {"module.py": [(1, 5), (7, 10)]}, enough)


def test_every_line_of_an_edited_function_is_seen(
    tmp_path: Path, functions: dict[str, Any]
) -> None:
    with watch(tmp_path, None) as actual:
        functions["work"]([1, 2])
    assert actual.drain() == {"module.py": [1, 2, 3, 4, 5]}


@traced
def test_a_call_that_showed_every_edit_runs_on_at_full_speed(
    tmp_path: Path, functions: dict[str, Any]
) -> None:
    with watch(tmp_path, {"module.py": [[4]]}) as actual:
        functions["work"]([1, 2])
        assert sys.gettrace() is None
    assert actual.drain() == {"module.py": [1, 2, 3, 4]}


@traced
def test_an_edit_that_has_not_run_is_waited_for_and_each_call_begins_anew(
    tmp_path: Path, functions: dict[str, Any]
) -> None:
    actual = watch(tmp_path, {"module.py": [[4], [9]]})
    with actual:
        functions["work"]([1])
        functions["rare"](1)
        assert sys.gettrace() is not None
    assert 9 not in actual.drain()["module.py"]
    with actual:
        functions["rare"](-1)
        functions["work"]([1])
        assert sys.gettrace() is None
    assert {4, 9} <= {*actual.drain()["module.py"]}


def test_where_only_imports_matter_nothing_is_followed(tmp_path: Path) -> None:
    with LineWatch([str(tmp_path)], {"module.py": []}) as actual:
        assert sys.gettrace() is None
        actual.imported(["module.py"])
    assert actual.drain() == {"module.py": [0]}
