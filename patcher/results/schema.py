"""The JSON Schema of every command's object, generated from the types of `patcher.results`.

``python -m patcher.results.schema`` writes ``json.schema.json`` beside this file; a test says when
it is out of date, and holds what commands print to it.
"""

from __future__ import annotations

import collections.abc
import json
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from patcher import results
from patcher.results.hints import hints_of
from patcher.store.gc import Pruned
from patcher.store.recovery import Recovered

PATH = Path(__file__).with_name("json.schema.json")
DRAFT = "https://json-schema.org/draft/2020-12/schema"
SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
COMMANDS = {
    "init": results.InitResult,
    "list": results.ListResult,
    "show": results.ShowResult,
    "plan": results.PlanResult,
    "apply": results.ApplyResult,
    "status": results.StatusResult,
    "diff": results.DiffResult,
    "judge": results.JudgeResult,
    "tune": results.TuneResult,
    "revert": results.RevertResult,
    "discard": results.DiscardResult,
    "run": results.RunResult,
    "verify": results.VerifyResult,
    "scan": results.ScanResult,
    "history": results.HistoryResult,
    "compare": results.CompareResult,
    "explain": results.ExplainResult,
    "check": results.CheckResult,
    "new": results.NewResult,
    "capture": results.CaptureResult,
    "export": results.ExportResult,
    "export --diff": results.DiffResult,
    "recover": Recovered,
    "doctor": results.DoctorResult,
    "gc": Pruned,
}
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    known = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": known}


def schema() -> dict[str, Any]:
    """One schema: of every command under ``$defs``, and of a failure."""
    definitions = {name: of_type(kind) for name, kind in COMMANDS.items()}
    head = {"schema": {"const": 1}, "ok": {"type": "boolean"}}
    for name, each in definitions.items():
        each["properties"] = {**head, **each["properties"]}
        each["required"] = [*head, *each["required"]]
        each["title"] = f"patcher {name} --json"
    error = _object({"code": _TEXT, "message": _TEXT, "hint": _TEXT, "where": _TEXT_OR_NULL})
    definitions["failure"] = {
        **_object({"schema": {"const": 1}, "ok": {"const": False}, "error": error}),
        "title": "any command that did not end with exit status 0",
    }
    return {"$schema": DRAFT, "title": "What patcher prints under --json", "$defs": definitions}


def of_type(kind: Any) -> dict[str, Any]:
    """The schema of a type: a result, a part of one, or what its fields hold."""
    if kind in SIMPLE:
        return {"type": SIMPLE[kind]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [each.value for each in kind]}
    if isinstance(kind, type) and issubclass(kind, Path):
        return dict(_TEXT)
    if isinstance(kind, type) and is_dataclass(kind):
        return _of_dataclass(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [of_type(each) for each in arguments]}
    if origin in (collections.abc.Mapping, dict):
        of_values = of_type(arguments[1]) if len(arguments) == 2 else {}
        return {"type": "object", **({"additionalProperties": of_values} if of_values else {})}
    if origin in (collections.abc.Sequence, tuple, list):
        return {"type": "array", "items": of_type(arguments[0]) if arguments else {}}
    return {}  # anything: what the target said of itself, for instance


def _of_dataclass(kind: type) -> dict[str, Any]:
    if kind.__dict__.get("as_json") is not None:
        return {"type": "object", "properties": {}, "required": []}  # it says itself what it is
    hints = hints_of(kind)
    written = [each for each in fields(kind) if each.metadata.get("json", True)]
    properties = {each.name: of_type(hints[each.name]) for each in written}
    required = [
        each.name for each in written if "optional" not in each.metadata or each.default is MISSING
    ]
    return _object(properties, required)


def rendered() -> str:
    """The file's text."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
