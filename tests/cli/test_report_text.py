"""What people read: data is never markup, and every form of a report says the same."""

from __future__ import annotations

import io
from typing import Any

import pytest

from patcher.report import markdown, verdict
from patcher.report.console import console, table
from patcher.report.page import table_names
from patcher.report.reading import read_record
from patcher.report.record import SpeedTable

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
        "series_now": [],
        **more,
    }


def printed(actual: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    verdict.print_verification(read_record(actual), color=False)
    return capsys.readouterr().out


def test_text_prints_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(result(), capsys)
    assert "[red]x[/red] <script>alert(1)</script>" in text
    assert "patcher apply r" in text
    assert "the working copy is pristine" in " ".join(text.split())


def test_markdown_escapes_what_would_break_a_table() -> None:
    text = markdown.render(read_record(result()))
    row = next(line for line in text.splitlines() if line.startswith("| \\[red"))
    assert row.count(" | ") == 5
    assert "\\|" in row


def test_markdown_names_the_patches_and_says_what_was_measured_and_what_not() -> None:
    text = markdown.render(read_record(result(series=["embed_ref_lens_clone"])))
    assert "Patches judged: `embed_ref_lens_clone`" in text
    assert "Speed was not measured" in text


def test_a_table_without_a_device_names_its_memory_column() -> None:
    host = SpeedTable((), (), memory="peak growth of the process since before loading, MiB")
    device = SpeedTable((), (), memory="peak allocated on the device, MiB")
    assert "Avg Process Growth (MB)" in table_names(host)
    assert "Avg VRAM Used (MB)" in table_names(device)


def test_a_pipe_gets_room_and_no_colour() -> None:
    stream = io.StringIO()
    console(stream=stream).print(table(["a", "b"], [["[bold]", 1.5], [None, 20]]))
    text = stream.getvalue()
    assert "[bold]" in text
    assert "\x1b" not in text
