"""Line maps between two versions of a file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from patcher.hazards.lines import LineMap

texts = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=12).map(b"\n".join)


def test_lines_after_an_insertion_shift_and_come_back() -> None:
    lines = LineMap(b"a\nb\nc", b"a\nx\ny\nb\nc")
    assert [lines.before(line) for line in range(1, 6)] == [1, 2, 2, 2, 3]
    assert [lines.after(line) for line in range(1, 4)] == [1, 4, 5]
    assert [lines.added(line) for line in range(1, 6)] == [False, True, True, False, False]


def test_a_replaced_line_maps_to_the_one_it_replaced() -> None:
    lines = LineMap(b"a\nb\nc", b"a\nB\nc")
    assert (lines.before(2), lines.after(2), lines.added(2)) == (2, 2, True)


@given(texts, texts)
def test_every_line_maps_inside_the_other_version(before: bytes, after: bytes) -> None:
    lines = LineMap(before, after)
    old, new = len(before.splitlines()), len(after.splitlines())
    assert all(1 <= lines.before(line) <= max(old, 1) for line in range(1, new + 1))
    assert all(1 <= lines.after(line) <= max(new, 1) for line in range(1, old + 1))


@given(texts, texts)
def test_a_line_that_was_not_added_comes_back_to_itself(before: bytes, after: bytes) -> None:
    lines = LineMap(before, after)
    for line in range(1, len(after.splitlines()) + 1):
        if not lines.added(line):
            assert lines.after(lines.before(line)) == line
            assert after.splitlines()[line - 1] == before.splitlines()[lines.before(line) - 1]
