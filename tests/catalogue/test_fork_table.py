"""The table of the fork's times: ratios of the same round."""

from __future__ import annotations

from benchmarks.fork import BEGIN, END, PAGE, table


def test_a_set_is_held_against_pristine_of_the_same_round() -> None:
    slow = {"first_s": 2.0, "stream_rtf": 8.0, "whole_rtf": 4.0}
    arms = {
        "pristine": [slow, {key: 2 * value for key, value in slow.items()}],
        "@exact": [{key: value / 2 for key, value in slow.items()}, slow],
    }
    rows = list(table(arms, "torch 0"))
    assert rows[0] == "| | pristine | `@exact` |"
    assert (
        rows[2] == "| time to the first chunk, s | 3.00 | 1.50: 0.50 of pristine's (0.50 to 0.50) |"
    )
    assert "2 rounds" in rows[-1]


def test_the_page_has_a_place_for_it() -> None:
    assert PAGE.read_text("utf-8").count(BEGIN) == PAGE.read_text("utf-8").count(END) == 1
