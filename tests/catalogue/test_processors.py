"""Floors by arithmetic, and results by processor on one page."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from benchmarks.catalogue import rates
from benchmarks.catalogue.__main__ import RESULTS
from benchmarks.catalogue.floor import BFLOAT16, FLOAT32, INT8, floors, flow_form, t3_form
from benchmarks.catalogue.processors import disagreements, speed_rows, start_rows
from benchmarks.catalogue.store import Results
from benchmarks.catalogue.tables import RATES as COLUMNS
from benchmarks.catalogue.tables import Book, page
from benchmarks.catalogue.trees import PRISTINE, Subject, subject_of
from benchmarks.catalogue.work import operations
from tests.catalogue.support import CATALOGUE

PLAIN, HALF = "A processor (AVX2), 2 cores", "A processor (AVX2, AVX-512, bfloat16), 2 cores"
RATES = {"read": 20.0, "product": 100.0, "product_bfloat16": 400.0, "product_int8": 200.0}
WORK: dict[str, Any] = {
    "speech_tokens": {"tokens": 100, "weights": 500_000_000, "cached": 10**9, "prompt": 10**11},
    "mel": 3 * 10**12,
    "vocoder": 10**11,
}
SUBJECTS = [subject_of(CATALOGUE, name) for name in (PRISTINE, "@exact", "@fast-cpu")]


def test_t3_has_to_read_its_weights_for_every_token_and_to_multiply_its_prompt() -> None:
    plain = floors([], PLAIN, RATES, WORK)
    assert plain["speech_tokens"] == pytest.approx((200 + 4) / 20 + 1)
    assert plain["mel"] == pytest.approx(30)
    assert plain["vocoder"] == pytest.approx(1)


def test_a_floor_follows_the_form_that_a_set_takes_on_that_processor() -> None:
    fast = SUBJECTS[2]
    names = [patch.name for patch in fast.series]
    assert floors(names, PLAIN, RATES, WORK)["mel"] == pytest.approx(15)
    assert floors(names, HALF, RATES, WORK)["mel"] == pytest.approx(7.5)
    assert floors(names, HALF, RATES, WORK)["speech_tokens"] == pytest.approx((50 + 4) / 20 + 0.5)
    assert floors(names, HALF, RATES, WORK)["vocoder"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("patches", "device", "t3", "flow"),
    [
        ([], HALF, FLOAT32, FLOAT32),
        (["t3_int8", "cfm_half", "cfm_int8"], HALF, INT8, BFLOAT16),
        (["t3_int8", "cfm_half", "cfm_int8"], PLAIN, INT8, INT8),
        (["t3_int8", "cfm_half", "flow_int8"], HALF, INT8, INT8),
        (["t3_bf16", "cfm_half"], PLAIN, BFLOAT16, FLOAT32),
    ],
)
def test_the_form_of_a_part(patches: list[str], device: str, t3: Any, flow: Any) -> None:
    assert (t3_form(patches), flow_form(patches, device)) == (t3, flow)


def about(device: str) -> dict[str, Any]:
    versions = {"torch": "2.6.0"}
    return {"device": device, "date": "2026-01-02", "commit": "0123456789", "versions": versions}


def timed(device: str, seconds: float, verdict: str, **more: Any) -> dict[str, Any]:
    stage = {"time_ratio": seconds / 40, "low": 0.1, "high": 0.9, "verdict": verdict, "rounds": 6}
    parts = {"generation": seconds, "speech_tokens": 20.4, "mel": 30.0, "vocoder": 1.0}
    stages = {
        name: {**stage, "seconds": value, "pristine_seconds": 40.0} for name, value in parts.items()
    }
    return {"about": about(device), "tokens": 95, "stages": stages, **more}


def results() -> dict[str, Any]:
    again = {"disturbed": {"again": 2, "left": 1, "own": ""}}
    started = {"opened_s": 9.0, "cold_s": 20.5, "warm_s": 8.0}
    memory = {
        "loading_mib": 5000.0,
        "loaded_mib": 3300.0,
        "resident_mib": 3400.4,
        "own_mib": 3000.0,
    }
    return {
        "plain": {
            "speed-full": {
                PRISTINE: timed(PLAIN, 40.0, "no-measurable-change"),
                "@exact": timed(PLAIN, 20.0, "faster", **again),
            },
            "rates": {PRISTINE: {"about": about(PLAIN), "rates": RATES}},
            "work-full": {PRISTINE: {"about": about(PLAIN), **WORK}},
            "start-full": {"@exact": {"about": about(PLAIN), **started, **memory}},
        },
        "half": {"speed-full": {"@exact": timed(HALF, 50.0, "slower")}},
    }


def test_every_processor_has_a_row_beside_its_floor() -> None:
    half, pristine, exact = speed_rows(results(), SUBJECTS)
    assert pristine[0] == exact[0] == PLAIN
    assert pristine[2:5] == ["`pristine`", "40.00", "1"]
    assert exact[4:6] == ["0.500 (0.100 to 0.900)", "faster"]
    assert exact[6:9] == ["20.40 (1.8)", "30.00 (1.0)", "1.00 (1.0)"]
    assert exact[9] == "6, 2 disturbed and measured again, 1 of them disturbed, out of time"
    assert half[0] == HALF
    quiet = results()
    none = {"again": 0, "left": 0, "own": ""}
    quiet["half"]["speed-full"]["@exact"] = timed(HALF, 50.0, "slower", disturbed=none)
    assert speed_rows(quiet, SUBJECTS)[0][9] == "6, none disturbed"
    assert half[6:10] == ["20.40", "30.00", "1.00", "6"], "no rates of its own"


def test_verdicts_that_differ_between_processors_are_named() -> None:
    assert disagreements(results(), SUBJECTS) == [f"`@exact`: faster on {PLAIN}; slower on {HALF}."]
    lines = page(Book(results(), SUBJECTS, "chatterbox-tts", "0.1.7"))
    assert f"- `@exact`: faster on {PLAIN}; slower on {HALF}." in lines
    alone = {"plain": results()["plain"]}
    assert not disagreements(alone, SUBJECTS)
    assert "No set has one verdict" in page(Book(alone, SUBJECTS, "chatterbox-tts", "0.1.7"))


def test_an_undecided_result_disagrees_with_nothing() -> None:
    known = results()
    known["half"]["speed-full"]["@exact"] = timed(HALF, 20.0, "undecided")
    assert not disagreements(known, SUBJECTS)


def test_a_start_is_told_with_its_memory() -> None:
    (row,) = start_rows(results(), [*SUBJECTS, Subject("t3_int8")])
    assert row[2:] == ["`@exact`", "9.0", "20.5", "8.0", "5000", "3300", "3400", "3000"]


def test_operations_are_counted_where_no_gradient_can_be() -> None:
    torch = pytest.importorskip("torch")
    layer, convolution = torch.nn.Linear(32, 64), torch.nn.Conv1d(8, 16, 3)
    query = torch.randn(1, 2, 7, 16)
    with torch.inference_mode(), operations() as counter:
        layer(torch.randn(5, 32))
        convolution(torch.randn(1, 8, 40))
        torch.nn.functional.scaled_dot_product_attention(query, query, query)
    by_hand = 5 * 32 * 64 + 16 * 8 * 3 * 38 + 2 * (2 * 7 * 7 * 16)
    assert counter.total == 2 * by_hand


def test_committed_speeds_say_for_each_set_where_when_of_what_and_how_fast() -> None:
    everything = Results(RESULTS).everything()
    timed = [
        (parts["speed-full"], name) for name, parts in everything.items() if "speed-full" in parts
    ]
    assert len(timed) >= 3
    for speeds, machine in timed:
        sets = [name for name in speeds if name.startswith("@")]
        assert {"@exact", "@fast-cpu"} <= set(sets), machine
        for name in sets:
            about, whole = speeds[name]["about"], speeds[name]["stages"]["generation"]
            assert about["device"].endswith((" core", " cores"))
            assert date.fromisoformat(about["date"])
            assert about["commit"]
            assert whole["low"] <= whole["time_ratio"] <= whole["high"]
            assert whole["verdict"] in ("faster", "slower", "no-measurable-change", "undecided")
            assert whole["rounds"] >= 6


def test_a_processor_is_told_by_a_rate_for_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    for name, value in {"WEIGHTS": 2, "TURNS": 1, "ROUNDS": 1}.items():
        monkeypatch.setattr(rates, name, value)
    actual = rates.rates("cpu")
    assert actual.keys() == COLUMNS.keys()
    assert all(rate > 0 for rate in actual.values())
