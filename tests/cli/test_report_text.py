"""What people read: data is never markup, and every form of a report says the same."""

from __future__ import annotations

import io
from typing import Any

import pytest

from patcher.report import html, markdown, verdict
from patcher.report.console import console, table

HOSTILE = "[red]x[/red] <script>alert(1)</script> | `y` *z*"


def result(**more: Any) -> dict[str, Any]:
    """A small failed verification, its texts as hostile as texts get."""
    case = {
        "model": HOSTILE,
        "test": "t",
        "status": "fail",
        "outcome": "exception",
        "gate": None,
        "error": HOSTILE,
        "baseline": {"status": "pass", "outcome": "ok", "error": None},
    }
    diagnosis = {
        "error": HOSTILE,
        "where": "pkg/mod.py",
        "line": 7,
        "cause": "c",
        "created_at": None,
        "fires_when": HOSTILE,
        "patch": "p",
        "remedy": "r",
    }
    return {
        "verdict": "fail",
        "sentence": HOSTILE,
        "cases": [case],
        "diagnosis": [diagnosis],
        "restored": True,
        "series": [],
        **more,
    }


def printed(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    verdict.print_verification(found, color=False)
    return capsys.readouterr().out


def test_text_prints_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(result(), capsys)
    assert HOSTILE in text
    assert "remedy     patcher apply r" in text
    assert "the tree is pristine" in text


def test_html_escapes_every_value() -> None:
    page = html.render(result())
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page  # nothing is fetched


def test_markdown_escapes_what_would_break_a_table() -> None:
    text = markdown.render(result())
    row = next(line for line in text.splitlines() if line.startswith("| \\[red"))
    assert row.count(" | ") == 5
    assert "\\|" in row


def test_a_table_without_a_device_names_its_memory_column() -> None:
    host = {"table": {"memory": "peak growth of the process since before loading, MiB"}}
    device = {"table": {"memory": "peak allocated on the device, MiB"}}
    assert "Avg Process Growth (MB)" in verdict.table_headings(host)
    assert "Avg VRAM Used (MB)" in verdict.table_headings(device)


def test_a_long_error_is_cut_in_the_table_only(capsys: pytest.CaptureFixture[str]) -> None:
    error = "Inplace update to inference tensor outside InferenceMode is not allowed."
    assert verdict.brief(error) == "Inplace update to inference tensor outside Infe…"
    assert verdict.brief("short\nmore") == "short"


def test_a_pipe_gets_room_and_no_colour() -> None:
    stream = io.StringIO()
    console(stream=stream).print(table(["a", "b"], [["[bold]", 1.5], [None, 20]]))
    text = stream.getvalue()
    assert "[bold]" in text
    assert "\x1b" not in text


def test_the_plot_holds_a_dot_for_each_pair() -> None:
    speed = {
        "pair_ratios": [0.9, 0.8, 1.1],
        "time_ratio": 0.9,
        "low": 0.8,
        "high": 1.1,
        "margin": 0.03,
    }
    assert html.plot(speed).count("<circle") == 3
    assert html.plot({**speed, "time_ratio": None}) == ""
