"""The schema that editors use says what the reader says."""

from __future__ import annotations

from patcher.patchfile import keys
from patcher.patchfile.kinds import kinds
from patcher.patchfile.schema import PATH, rendered, schema


def test_the_shipped_schema_is_up_to_date() -> None:
    assert PATH.read_text("utf-8") == rendered()


def test_the_schema_knows_every_kind_of_edit() -> None:
    edit = schema()["$defs"]["edit"]
    assert set(kinds()) <= set(edit["properties"])
    assert len(edit["oneOf"]) == len(kinds())


def test_the_schema_allows_no_other_keys() -> None:
    whole = schema()
    for mapping in (whole, *whole["$defs"].values()):
        assert mapping["additionalProperties"] is False


def test_every_key_has_a_sentence() -> None:
    for key in (*keys.PATCH, *keys.edit_keys(), *keys.FIXTURE):
        assert key.summary.endswith(".")
