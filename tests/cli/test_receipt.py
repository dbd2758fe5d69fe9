"""`verify --receipt`, `receipt check`, `receipt join`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from patcher.verify.receipt import schema
from tests.conftest import Patcher, runner
from tests.contract.adder import make_workspace


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Patcher, Path]:
    """A workspace with a patch that was verified, and the receipt."""
    folder = tmp_path_factory.mktemp("receipts")
    workspace = make_workspace(folder)
    # Of the suite's own process others have loaded adapters; a receipt names the code of its own.
    run = runner(workspace, own_process=True)
    assert run("init", str(workspace.parent / "project")).status == 0
    assert run("apply", "use_sum").status == 0
    receipt = folder / "receipt.json"
    ran = run("verify", "--receipt", str(receipt), "--json")
    assert ran.status == 0, ran.stderr
    assert ran.json["receipt"] == json.loads(receipt.read_text())
    return run, receipt


def test_it_says_what_was_judged_and_fits_its_schema(verified: tuple[Patcher, Path]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    body = json.loads(verified[1].read_text())
    jsonschema.validate(body, schema())
    assert [each["name"] for each in body["patches"]] == ["use_sum"]
    assert body["verdict"] == "pass"
    assert set(body["trees"]) == {"baseline", "patched"}
    assert body["machine"]["processors"] >= 1


def test_it_holds_where_it_was_made_until_something_changes(verified: tuple[Patcher, Path]) -> None:
    patcher, receipt = verified
    ran = patcher("receipt", "check", str(receipt), "--json")
    assert (ran.status, ran.json["holds"], ran.json["differences"]) == (0, True, [])
    assert patcher("apply", "use_shift").status == 0
    ran = patcher("receipt", "check", str(receipt), "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "check-failed")
    assert ran.json["differences"] == ["the patches applied here are use_sum, use_shift; "
                                       "judged were use_sum"]  # fmt: skip
    assert patcher("revert", "use_shift").status == 0
    assert patcher("receipt", "check", str(receipt)).status == 0


def test_receipts_are_joined_and_an_edited_one_is_not(verified: tuple[Patcher, Path]) -> None:
    patcher, receipt = verified
    ran = patcher("receipt", "join", str(receipt), str(receipt), "--json")
    assert (ran.status, ran.json["verdict"], len(ran.json["machines"])) == (0, "pass", 1)
    edited = receipt.with_name("edited.json")
    edited.write_text(receipt.read_text().replace('"use_sum"', '"use_son"'))
    ran = patcher("receipt", "join", str(receipt), str(edited), "--json")
    assert (ran.status, ran.json["error"]["code"]) == (2, "receipt")
