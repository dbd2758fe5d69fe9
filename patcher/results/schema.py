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
    "history": results.HistoryResult,
    "compare": results.CompareResult,
    "explain": results.ExplainResult,
    "check": results.CheckResult,
    "new": results.NewResult,
    "capture": results.CaptureResult,
    "export": results.ExportResult,
    "export --diff": results.DiffResult,
    "recover": results.RecoverResult,
    "doctor": results.DoctorResult,
}
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_NUMBER_OR_NULL = {"type": ["number", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    known = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": known}


# What a verification says depends on what was judged; these keys are always there.
_CASE = _object(
    {
        "model": _TEXT,
        "test": _TEXT,
        "status": {"enum": ["pass", "fail", "not-applicable"]},
        "outcome": {"enum": ["ok", "exception", "timeout", "oom", "killed", "crashed"]},
        "gate": _TEXT_OR_NULL,
        "error": _TEXT_OR_NULL,
        "baseline": _object({"status": _TEXT, "outcome": _TEXT, "error": _TEXT_OR_NULL}),
    }
)
_CAUSE = _object(
    {
        "error": _TEXT,
        "where": _TEXT_OR_NULL,
        "line": {"type": ["integer", "null"]},
        "cause": _TEXT,
        "created_at": _TEXT_OR_NULL,
        "fires_when": _TEXT_OR_NULL,
        "patch": _TEXT_OR_NULL,
        "remedy": _TEXT_OR_NULL,
    }
)
_SPEED = _object(
    {
        "time_ratio": _NUMBER_OR_NULL,
        "low": _NUMBER_OR_NULL,
        "high": _NUMBER_OR_NULL,
        "confidence": _NUMBER_OR_NULL,
        "verdict": {
            "enum": [
                "faster",
                "slower",
                "no-measurable-change",
                "undecided",
                "not-measured",
                "clock-disputed",
                "impossible",
            ]
        },
        "pairs": {"type": "integer"},
        "margin": {"type": "number"},
        "noise_floor": {"type": "number"},
        "smallest_detectable": _NUMBER_OR_NULL,
        "forecast": {
            "anyOf": [
                _object(
                    {
                        "pairs": {"type": "integer"},
                        "process_s": {"type": "number"},
                        "total_s": {"type": "number"},
                        "noise": _NUMBER_OR_NULL,
                        "smallest_detectable": _NUMBER_OR_NULL,
                        "needed": {"type": "integer"},
                    }
                ),
                {"type": "null"},
            ]
        },
    }
)
VERIFY = _object(
    {
        "verdict": {
            "enum": [
                "pass",
                "fail",
                "cannot-judge",
                "not-exercised",
                "undeclared",
                "nothing-to-verify",
            ]
        },
        "restored": {"type": "boolean"},
        "series": _TEXTS,
        "series_now": _TEXTS,
        "cases": {"type": "array", "items": _CASE},
        "diagnosis": {"type": "array", "items": _CAUSE},
        "gate": _TEXT,
        "compared": _TEXT,
        "guards": _TEXTS,
        "warnings": _TEXTS,
        "speed": _SPEED,
        "table": _object({"baseline": {"type": "array"}, "patched": {"type": "array"}}),
    },
    ["verdict", "restored", "series", "series_now", "cases", "diagnosis"],
)

SCAN = _object(
    {
        "hazards": {
            "type": "array",
            "items": _object(
                {
                    "kind": _TEXT,
                    "where": _TEXT,
                    "line": {"type": "integer"},
                    "source": _TEXT,
                    "created_at": _TEXT_OR_NULL,
                    "under": _TEXT_OR_NULL,
                    "patch": _TEXT_OR_NULL,
                    "fires_when": _TEXT_OR_NULL,
                    "remedy": _TEXT_OR_NULL,
                    "outside": {"type": "boolean"},
                }
            ),
        },
        "predicted": {"type": "boolean"},
        "static": {"type": "object"},
        "drafts": {"type": "array"},
    }
)


def schema() -> dict[str, Any]:
    """One schema: of every command under ``$defs``, and of a failure."""
    definitions = {name: of_type(kind) for name, kind in COMMANDS.items()}
    definitions |= {"verify": VERIFY, "scan": SCAN}
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
        return {"type": "object"}
    if origin in (collections.abc.Sequence, tuple, list):
        return {"type": "array", "items": of_type(arguments[0]) if arguments else {}}
    return {}  # anything: what the target said of itself, for instance


def _of_dataclass(kind: type) -> dict[str, Any]:
    if kind.__dict__.get("as_json") is not None:
        return {"type": "object", "properties": {}, "required": []}  # it says itself what it is
    hints = typing.get_type_hints(kind, vars(_names()))
    properties = {each.name: of_type(hints[each.name]) for each in fields(kind)}
    required = [
        each.name
        for each in fields(kind)
        if "optional" not in each.metadata or each.default is MISSING
    ]
    return _object(properties, required)


def _names() -> types.SimpleNamespace:
    """The names that results use in annotations only."""
    from patcher.errors import PatcherError
    from patcher.hazards.model import Hazard
    from patcher.rewrite.selection import LeftOut
    from patcher.store.doctor import Finding
    from patcher.verify.judgement import Verdict

    return types.SimpleNamespace(
        Any=Any,
        Finding=Finding,
        Hazard=Hazard,
        LeftOut=LeftOut,
        Mapping=collections.abc.Mapping,
        Path=Path,
        PatcherError=PatcherError,
        Sequence=collections.abc.Sequence,
        Verdict=Verdict,
        **{name: getattr(results, name) for name in results.__all__},
    )


def rendered() -> str:
    """The file's text."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
