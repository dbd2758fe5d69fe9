"""The dynamic map as tables for people and for JSON: one row a line of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.hazards.model import DynamicMap

Row = dict[str, Any]


def summarise(dynamic: DynamicMap) -> dict[str, Any]:
    """What real runs did, merged over models and cases.

    Returns:
        ``updates`` (in-place updates: the line, where the tensor was made, the modes then and
        now), ``convolutions`` (rank, dtype, layout, module), ``conversions`` (memory formats asked
        for, with the rank), ``synchronisations`` (with the seconds they took), ``mixed`` (operators
        that saw two floating dtypes), ``operators`` (how many ran) and ``cases``.
    """
    return {
        "cases": [
            f"{model} / {act}"
            for model, run in dynamic.runs.items()
            for act in run["acts"]
            if act != "open"
        ],
        "operators": sum(run["operators"] for run in dynamic.runs.values()),
        "updates": _updates(dynamic),
        "convolutions": _tally(dynamic, "convolutions", _convolution),
        "conversions": _tally(dynamic, "conversions", _conversion),
        "synchronisations": _tally(dynamic, "synchronisations", _operator),
        "mixed": _tally(dynamic, "mixed", _dtypes),
    }


def _updates(dynamic: DynamicMap) -> list[Row]:
    merged: dict[tuple[Any, ...], Row] = {}
    for model, run, event in dynamic.rows("events"):
        if event["kind"] != "inplace-update":
            continue
        made = run["places"][event["made"]] if event["made"] is not None else None
        row = {
            **_where(run["places"][event["at"]]),
            "operator": event["operator"].removeprefix("aten::"),
            "created_at": f"{made[0]}:{made[1]} {made[2]}" if made else None,
            "made_under": _scopes(run, event["made_scopes"]),
            "under": _scopes(run, event["scopes"]),
            "inference_tensor": event["on_inference_tensor"],
            "inference_mode": event["inference"],
            "shape": event["shape"],
            "dtype": event["dtype"],
        }
        shown = ("shape", "dtype")
        key = tuple(str(value) for name, value in row.items() if name not in shown)
        _merge(merged, key, row, event["count"], 0.0, model, event["acts"])
    return _sorted(merged)


def _tally(dynamic: DynamicMap, table: str, describe: Any) -> list[Row]:
    merged: dict[tuple[Any, ...], Row] = {}
    for model, run, result in dynamic.rows(table):
        row = {**_where(run["places"][result["at"]]), **describe(result["facts"])}
        key = (row["where"], row["line"])
        _merge(merged, key, row, result["count"], result["wall_s"], model, result["acts"])
    return _sorted(merged)


def _merge(
    merged: dict[tuple[Any, ...], Row],
    key: tuple[Any, ...],
    row: Row,
    count: int,
    wall_s: float,
    model: str,
    acts: Sequence[str],
) -> None:
    known = merged.setdefault(key, {**row, "count": 0, "wall_s": 0.0, "cases": []})
    known["count"] += count
    known["wall_s"] = round(known["wall_s"] + wall_s, 6)
    known["cases"] += [f"{model} / {act}" for act in acts]


def _sorted(merged: Mapping[Any, Row]) -> list[Row]:
    return sorted(merged.values(), key=lambda row: (row["where"], row["line"]))


def _where(place: Sequence[Any]) -> Row:
    file, line, function, source = place
    return {"where": file, "line": line, "function": function, "source": source}


def _scopes(run: Mapping[str, Any], numbers: Sequence[int]) -> list[str]:
    scopes = [run["scopes"][number] for number in numbers]
    return [
        f"{each['mode']} in {each['function']} ({each['file']}:{each['line']})" for each in scopes
    ]


def _convolution(facts: Sequence[Sequence[Any]]) -> Row:
    names = ("rank", "dtype", "layout", "weight_rank", "weight_dtype", "weight_layout", "module")
    columns: Row = {}
    for number, name in enumerate(names):
        columns[name] = sorted({fact[number] for fact in facts})
    return columns


def _conversion(facts: Sequence[Sequence[Any]]) -> Row:
    return {
        "memory_format": sorted({fact[0] for fact in facts}),
        "rank": sorted({fact[2] for fact in facts}),
    }


def _operator(facts: Sequence[Sequence[Any]]) -> Row:
    return {"operator": sorted({fact[0] for fact in facts})}


def _dtypes(facts: Sequence[Sequence[Any]]) -> Row:
    return {
        "operator": sorted({fact[0] for fact in facts}),
        "dtypes": sorted({name for fact in facts for name in fact[1:]}),
    }
