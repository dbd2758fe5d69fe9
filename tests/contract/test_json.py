"""What every command prints under ``--json`` keeps its keys and types.

Keys may be added; none that was recorded may go or change its type. Whoever means a change
records it with ``python -m tests.contract.recording``.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from patcher.results.schema import PATH, rendered
from tests.contract.recording import ADDER, CHATTERBOX, RECORD, record_adder, record_chatterbox
from tests.contract.shapes import broken

SCHEMA: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
EXPECTED: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def on_adder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record_adder(tmp_path_factory.mktemp("contract"))


# Steps whose object is not that of the command's first word.
SHOWN_AS = {"export --diff": "export --diff", "history show": "verify"}


@pytest.mark.parametrize("step", ADDER)
def test_the_object_of_a_command_keeps_its_keys_and_types(
    step: str, on_adder: dict[str, Any]
) -> None:
    actual, expected = on_adder[step], EXPECTED["adder"][step]
    assert actual["exit"] == expected["exit"]
    assert list(broken(expected["object"], actual["object"])) == []


@pytest.mark.parametrize("step", ADDER)
def test_the_object_of_a_command_is_what_its_schema_says(
    step: str, on_adder: dict[str, Any]
) -> None:
    printed = on_adder[step]["printed"]
    name = SHOWN_AS.get(step, ADDER[step][0])
    definitions = SCHEMA["$defs"]
    if on_adder[step]["exit"] != 0:
        name = "failure"
    if on_adder[step]["exit"] != 0 and ADDER[step][0] != "receipt":
        name = "verify" if "verdict" in printed else "failure"
    if name == "apply" and "verdict" in printed:
        name = "verify"
    if name in definitions:
        import jsonschema  # seconds, where tests are only collected

        # That the schema itself is sound is the next test's to say, once.
        validator = jsonschema.Draft202012Validator({**definitions[name], "$defs": definitions})
        validator.validate(printed)


def test_the_schema_that_ships_is_up_to_date() -> None:
    import jsonschema

    assert PATH.read_text(encoding="utf-8") == rendered()
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.chatterbox
@pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed")
def test_on_the_real_package_too(tmp_path: Path) -> None:
    actual = record_chatterbox(tmp_path)
    for step in CHATTERBOX:
        expected = EXPECTED["chatterbox-tts"][step]
        assert actual[step]["exit"] == expected["exit"]
        assert list(broken(expected["object"], actual[step]["object"], step)) == []


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        ({"a": "string"}, {}, ".a is missing"),
        ({"a": "string"}, {"a": "number"}, ".a is number, not string"),
        ({"a": "string|null"}, {"a": ["string"]}, '.a is ["string"], not string|null'),
        ({"a": [{"b": "string"}]}, {"a": [{"b": "boolean"}]}, ".a[].b is boolean, not string"),
    ],
)
def test_a_broken_contract_is_named(expected: object, actual: object, message: str) -> None:
    assert list(broken(expected, actual)) == [message]


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": "string"}, {"a": "string", "b": "number"}),
        ({"a": "string|null"}, {"a": "null"}),
        ({"a": [{"b": "string"}]}, {"a": []}),
        ({"a": "null"}, {"a": {"b": "string"}}),
    ],
    ids=["a new key", "one of several types", "an empty list", "nothing was known of it"],
)
def test_what_keeps_the_contract(expected: object, actual: object) -> None:
    assert list(broken(expected, actual)) == []
