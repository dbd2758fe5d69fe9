"""The JSON Schema of a spec, for editors; generated from the keys.

`python -m patcher.patchfile.schema` writes the file that ships; a test says when it is out of date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from patcher.patchfile import keys
from patcher.patchfile.kinds import kinds

PATH = Path(__file__).with_name("patch.schema.json")
"""Where the schema lies; `# yaml-language-server: $schema=` wants this path."""


def schema() -> dict[str, Any]:
    """The schema as an object."""
    edit = _mapping(keys.edit_keys())
    edit["oneOf"] = [
        {
            "required": [
                name.value,
                *(["with"] if kind.needs_with else []),
                *(["was"] if kind.needs_was else []),
            ]
        }
        for name, kind in kinds().items()
    ]
    fixture = _mapping(keys.FIXTURE)
    fixture["oneOf"] = [{"required": ["before"]}, {"required": ["noop"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A patch",
        **_mapping(keys.PATCH),
        "oneOf": [{"required": ["edits"]}, {"required": ["variants"]}],
        "$defs": {
            "edit": edit,
            "variant": _mapping(keys.VARIANT),
            "absence": _mapping(keys.ABSENT),
            "fixture": fixture,
        },
    }


def _mapping(known: tuple[keys.Key, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key.name for key in known if key.required],
        "properties": {key.name: _value(key) for key in known},
    }


def _value(key: keys.Key) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    if key.choices:
        text["enum"] = list(key.choices)
    if key.pattern:
        text["pattern"] = f"^{key.pattern}$"
    shapes: dict[str, dict[str, Any]] = {
        "text": text,
        "python": text,
        "texts": {"oneOf": [text, {"type": "array", "items": text}]},
        "truth": {"type": "boolean"},
        "count": {
            "oneOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^([1-9][0-9]*(\.\.[1-9][0-9]*)?|all)$"},
            ]
        },
        "mode": {"oneOf": [{"type": "integer", "minimum": 600, "maximum": 777}, text]},
        "edits": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/edit"}},
        "variants": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/variant"}},
        "absences": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/absence"}},
        "fixtures": {"type": "array", "items": {"$ref": "#/$defs/fixture"}},
    }
    return {"description": key.summary, **shapes[key.holds]}


def rendered() -> str:
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered(), "utf-8")
