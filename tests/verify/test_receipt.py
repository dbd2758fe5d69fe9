"""Receipts are joined by kind of machine, and an edited one is not read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patcher.errors import PatcherError
from patcher.verify.receipt import (
    Here,
    Receipt,
    differences,
    join_receipts,
    make_receipt,
    read_receipt,
    schema,
)

FACTS = {
    "system": "Linux", "machine": "x86_64", "processor": "EPYC", "processors": 2, "gpus": [],
    "device": "cpu", "python": "3.11.7", "kernel": "6.1", "torch": "2.6.0",
    "distributions": "d" * 64,
}  # fmt: skip
PATCHES = [{"name": "p", "sha256": "a" * 64, "claim": "bitwise", "declares": []}]


def made(verdict: str = "pass", speed: str | None = None, **facts: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "target": "hum", "version": "1.0", "trees": {"baseline": "b", "patched": "p"},
        "verdict": verdict, "reason": "all-pass", "gate": "bitwise", "compared": "returned",
        "cases": [{"model": "m", "test": "t", "status": "pass", "gate": "bitwise"}],
        "environment": {**FACTS, **facts}, "guards": ["fs-write"], "wall_s": 1.5,
    }  # fmt: skip
    if speed:
        result["speed"] = {"verdict": speed, "time_ratio": 0.5, "plan": "quick"}
    more = {"patches": PATCHES, "content": "c", "weights": "w", "require": None, "made_at": "now"}
    return make_receipt(result, more)


def read(body: dict[str, Any], where: str = "r.json") -> Receipt:
    return read_receipt(json.dumps(body), where)


@pytest.mark.parametrize("speed", [None, "faster"])
def test_a_receipt_fits_its_schema(speed: str | None) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(made(speed=speed), schema())


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "patcher-receipt", "schema": 2}', "null", "[" * 100_000]
)
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(PatcherError, match="no receipt"):
        read_receipt(text, "r.json")


def test_an_edited_receipt_is_refused() -> None:
    with pytest.raises(PatcherError, match="was edited"):
        read({**made("fail"), "verdict": "pass"})


def here(**other: Any) -> Here:
    facts = {
        "machine": FACTS, "versions": FACTS, "trees": {"baseline": "b", "patched": "p"},
        "patches": [("p", "a" * 64)], "content": "c",
    }  # fmt: skip
    return Here(**{**facts, **other})


def test_a_receipt_holds_where_all_is_the_same() -> None:
    assert list(differences(read(made()), here())) == []


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"trees": None}, "no working copy"),
        ({"trees": {"baseline": "x", "patched": "p"}}, "pristine is another"),
        ({"trees": {"baseline": "b", "patched": "x"}}, "the patched tree is another"),
        ({"patches": []}, "applied here are none; judged were p"),
        ({"patches": [("p", "b" * 64)]}, "with other specs"),
        ({"content": "d"}, "the workload or the adapter is another"),
        ({"machine": {**FACTS, "processor": "Xeon"}}, "processor is Xeon; judged was EPYC"),
        ({"versions": {**FACTS, "python": "3.12.1"}}, "python is 3.12.1; judged was 3.11.7"),
    ],
)
def test_what_differs_is_named(other: dict[str, Any], says: str) -> None:
    (actual,) = differences(read(made()), here(**other))
    assert says in actual


def test_receipts_of_one_kind_of_machine_make_one_verdict() -> None:
    joined = join_receipts([read(made(speed="faster"), "a"), read(made(speed="faster"), "b")])
    (machine,) = joined.machines
    assert (machine.verdict, machine.speeds, machine.receipts) == ("pass", ("faster",), ("a", "b"))
    assert joined.disagreements == ()


def test_machines_that_disagree_are_named_and_one_failure_fails() -> None:
    receipts = [
        read(made(speed="faster"), "a"),
        read(made("fail", processor="Xeon"), "b"),
        read(made(speed="slower", gpus=["H100"], device="cuda"), "c"),
    ]
    joined = join_receipts(receipts)
    assert [each.verdict for each in joined.machines] == ["pass", "fail", "pass"]
    assert joined.verdict == "fail"
    verdicts, speeds = joined.disagreements
    assert "Xeon, 2 processors, cpu, Linux: fail" in verdicts
    assert "H100" in speeds
    assert "slower" in speeds


def test_receipts_of_different_series_are_not_joined() -> None:
    other = made()
    other["patches"] = [{**PATCHES[0], "sha256": "b" * 64}]
    with pytest.raises(PatcherError, match="different patches"):
        join_receipts([read(made(), "a"), Receipt(other, "b")])
