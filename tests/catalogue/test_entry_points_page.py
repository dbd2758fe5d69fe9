"""The tables of entry points in `docs/catalogue.md` are what was recorded, and nothing else."""

from __future__ import annotations

import json

from benchmarks.entry_points.__main__ import PAGE, RESULTS, ROOT, with_entry_points
from benchmarks.entry_points.tables import alone, in_page, matrix, measured, patches, section

RUN = {
    "verdict": "pass",
    "date": "2026-01-02",
    "series": ["p", "q"],
    "cases": [
        {"model": "Base", "test": "A", "status": "pass", "gate": "bitwise", "baseline": "pass"},
        {"model": "Turbo", "test": "A", "status": "fail", "gate": "close", "baseline": "pass"},
        {
            "model": "Nano",
            "test": "A",
            "status": "not-applicable",
            "gate": None,
            "baseline": "not-applicable",
        },
    ],
    "exercised": [
        {"patch": "p", "file": "chatterbox/a.py", "line": 3, "kind": "ran", "cases": ["Base / A"]},
        {"patch": "p", "file": "chatterbox/b.py", "line": 5, "kind": "ran", "cases": ["Turbo / A"]},
        {"patch": "q", "file": "chatterbox/c.py", "line": 7, "kind": "never", "cases": []},
    ],
}


def test_the_catalogue_says_what_was_recorded_of_entry_points() -> None:
    page = PAGE.read_text("utf-8")
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    assert in_page(page, results) == page


def test_a_spec_says_which_entry_points_its_patch_was_verified_on() -> None:
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for path in (ROOT / "patches").glob("*.yaml"):
        spec = path.read_text("utf-8")
        assert with_entry_points(spec, path.stem, results) == spec, path.name
    recorded = {"chatterbox-tts 0.1.7": {"@exact": RUN}}
    assert list(measured(recorded, "p")) == [
        "verified on Base; chatterbox-tts 0.1.7, tiny size, CPU, 2026-01-02"
    ]
    assert list(measured(recorded, "q")) == []


def test_an_entry_point_is_counted_on_pristine_and_with_each_set() -> None:
    rows = list(matrix({"@exact": RUN}))
    assert rows[2:5] == [
        "| Base | 1 of 1 | 1 of 1, bitwise |",
        "| Turbo | 1 of 1 | 0 of 1 |",
        "| Nano | not in this version | not in this version |",
    ]


def test_a_patch_by_itself_is_a_row_and_no_column_of_the_sets() -> None:
    runs = {"@exact": RUN, "p": {**RUN, "date": "2026-01-03"}}
    assert list(alone(runs))[2:] == [
        "| `p` | pass | Base 1 of 1, bitwise; Turbo 0 of 1 | 2026-01-03 |"
    ]
    assert "| entry point | pristine | `@exact` |\n" in section({"source": runs})


def test_a_patch_is_verified_where_its_lines_ran_in_a_case_that_passed() -> None:
    rows = list(patches({"@exact": RUN}))
    assert rows[2:] == [
        "| `p` | Base | `a.py:3`; `b.py:5` (none) |",
        "| `q` | none | none |",
    ]
    assert "### chatterbox-tts 0.1.7" in section({"chatterbox-tts 0.1.7": {"@exact": RUN}})
