"""From the object of ``verify --json`` to a `Record`. Unknown keys are passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from patcher.report.machine import machine_line
from patcher.report.record import (
    ARMS,
    ArmState,
    CaseRecord,
    Cause,
    Excerpt,
    FurtherCall,
    LifeRecord,
    Ran,
    Record,
    SpeedRecord,
    SpeedTable,
    StageDifference,
    StageState,
    StageTime,
    TableRow,
)

Json = Mapping[str, Any]


def read_record(result: Json) -> Record:
    """The record of one verification.

    Raises:
        KeyError: ``verdict`` or ``sentence`` is missing: it is no verification.
    """
    exercised = result.get("exercised")
    guards = result.get("guards")
    speed, table = result.get("speed"), result.get("table")
    inputs = result.get("inputs") or {}
    drawn = inputs.get("drawn") or ()
    return Record(
        verdict=str(result["verdict"]),
        sentence=str(result["sentence"]),
        id=result.get("id"),
        reason=_text(result, "reason"),
        gate=_text(result, "gate"),
        series=_texts(result.get("series")),
        series_now=_texts(result.get("series_now", result.get("series"))),
        restored=bool(result.get("restored")),
        kept=bool(result.get("kept")),
        taken_out=_texts(result.get("taken_out")),
        unmet=_text(result, "unmet"),
        culprits=tuple(map(_together, (result.get("isolation") or {}).get("culprits", ()))),
        target=_text(result, "target"),
        version=_text(result, "version"),
        date=_text(result, "date"),
        machine=_text(result, "machine") or machine_line(result.get("environment") or {}),
        wall_s=result.get("wall_s"),
        weights=_text(result, "weights"),
        compared=_text(result, "compared"),
        cases=tuple(_case(each) for each in result.get("cases", ())),
        further=tuple(FurtherCall(_case(each), _text(each, "kind")) for each in drawn),
        causes=tuple(_cause(each) for each in result.get("diagnosis", ())),
        speed=_speed(speed) if speed else None,
        table=_table(table) if table else None,
        lives=tuple(_lives(result.get("life"))),
        diff=_text(result, "diff"),
        exercised=None if exercised is None else tuple(r for each in exercised for r in _ran(each)),
        unexercised=tuple(_never(each) for each in exercised or () if each.get("kind") == "never"),
        undeclared=tuple(_undeclared(each) for each in result.get("undeclared") or ()),
        guards=None if guards is None else _texts(guards),
        warnings=_texts(result.get("warnings")),
        environment=result.get("environment") or {},
        trees=result.get("trees") or {},
        inputs={name: value for name, value in inputs.items() if name != "drawn"},
        receipt=_receipt(result.get("receipt")),
        reproducible=_text(result, "reproducible"),
    )


def _together(group: Sequence[str]) -> str:
    """A culprit alone, or those that fail together."""
    return " together with ".join(map(str, group))


def _text(each: Json, key: str) -> str:
    value = each.get(key)
    return "" if value is None else str(value)


def _texts(values: Any) -> tuple[str, ...]:
    if values is None:
        return ()
    return (values,) if isinstance(values, str) else tuple(map(str, values))


def _case(each: Json) -> CaseRecord:
    base, difference = each.get("baseline") or {}, each.get("difference")
    seconds = each.get("seconds") or {}
    return CaseRecord(
        model=str(each["model"]),
        test=str(each["test"]),
        status=str(each["status"]),
        baseline=ArmState(
            _text(base, "status"), _text(base, "outcome"), _text(base, "error"),
            seconds.get("baseline"),
        ),
        patched=ArmState(
            str(each["status"]),
            _text(each, "outcome"),
            _text(each, "error"),
            seconds.get("patched"),
        ),
        gate=_text(each, "gate"),
        error=_text(each, "error"),
        reason=_text(each, "reason"),
        flaky=bool(each.get("flaky")),
        difference=_difference(difference) if difference else None,
        stages=tuple(_stage(stage) for stage in each.get("stages") or ()),
    )  # fmt: skip


def _stage(each: Json) -> StageState:
    return StageState(
        str(each["name"]), _text(each, "dtype"), tuple(each["shape"]), each.get("same")
    )


def _difference(each: Json) -> StageDifference:
    return StageDifference(
        gate=_text(each, "gate"),
        message=_text(each, "message"),
        stage=_text(each, "stage"),
        index=each.get("index"),
        size=each.get("size"),
        measured=each.get("measured") or {},
        limits=each.get("limits") or {},
    )


def _cause(each: Json) -> Cause:
    return Cause(
        error=str(each["error"]),
        where=_text(each, "where"),
        line=each.get("line"),
        cause="" if each.get("cause") == each["error"] else _text(each, "cause"),
        created_at=_text(each, "created_at"),
        called_with=_text(each, "called_with"),
        fires_when=_text(each, "fires_when"),
        patch=_text(each, "patch"),
        remedy=_text(each, "remedy"),
        cases=_texts(each.get("cases")),
        excerpts=tuple(_excerpt(place) for place in each.get("excerpts") or ()),
        edit=_text(each, "edit"),
    )


def _excerpt(each: Json) -> Excerpt:
    return Excerpt(
        role=str(each["role"]),
        file=str(each["file"]),
        line=int(each["line"]),
        function=_text(each, "function"),
        first=int(each["first"]),
        lines=tuple(each["lines"]),
    )


def _speed(each: Json) -> SpeedRecord:
    cold = each.get("cold") or {}
    return SpeedRecord(
        verdict=str(each["verdict"]),
        sentence=_text(each, "sentence"),
        means=_text(each, "means"),
        time_ratio=each.get("time_ratio"),
        low=each.get("low"),
        high=each.get("high"),
        confidence=each.get("confidence"),
        pairs=each.get("pairs") or 0,
        margin=each.get("margin") or 0.0,
        smallest_detectable=each.get("smallest_detectable"),
        pairs_needed=each.get("pairs_needed"),
        pair_ratios=tuple(each.get("pair_ratios") or ()),
        stages=tuple(_times(each.get("stages"))),
        components=tuple(_times(each.get("components"))),
        repeated=_repeated(each.get("rerun") or ()),
        disturbed=tuple(
            f"pair {r['pair'] + 1}: {r['reason']}" for r in each.get("disturbed") or ()
        ),
        pays_after_calls=cold.get("pays_after_calls"),
        fault=_text(each.get("fault") or {}, "sentence"),
        caveats=tuple(each.get("caveats") or ()),
    )


def _repeated(rows: Sequence[Json]) -> tuple[str, ...]:
    """A line a pair and reason, however often the pair was run again for it."""
    times = Counter(f"pair {row['pair'] + 1}: {row['reason']}" for row in rows)
    return tuple(
        f"{line} ({number} times)" if number > 1 else line for line, number in times.items()
    )


def _times(rows: Any) -> Iterable[StageTime]:
    for row in rows or ():
        yield StageTime(
            str(row["name"]), row["baseline_s"], row["patched_s"], row["time_ratio"],
            row["low"], row["high"],
        )  # fmt: skip


def _table(each: Json) -> SpeedTable:
    arms = [tuple(_row(row) for row in each.get(arm) or ()) for arm in ARMS]
    return SpeedTable(arms[0], arms[1], _text(each, "source"), _text(each, "memory"))


def _row(row: Json) -> TableRow:
    keys = ("avg_gen_s", "avg_rtf", "avg_vram_mb", "min_rtf", "max_rtf")
    return TableRow(str(row["model"]), int(row["tests"]), *(row.get(key) for key in keys))


def _lives(value: Any) -> Iterable[LifeRecord]:
    for each in [value] if isinstance(value, Mapping) else value or ():
        arms = [tuple((each.get(arm) or {}).get("seconds") or ()) for arm in ARMS]
        if any(arms):
            yield LifeRecord(_text(each, "model"), arms[0], arms[1])


def _ran(each: Json) -> Iterable[Ran]:
    """A place of an edit: its lines ran when its cases reached them."""
    reached = each.get("kind", "ran") in ("ran", "import")
    cases = len(each.get("cases") or ()) if reached else 0
    for line in each.get("lines") or [each.get("line") or 0]:
        yield Ran(_text(each, "patch"), _text(each, "file"), int(line), cases)


def _never(each: Json) -> str:
    inside = f" ({each['function']})" if each.get("function") else ""
    return f"{each['patch']}: {each['file']}:{each['line']}{inside} never ran"


def _undeclared(each: Json) -> str:
    needs = " or ".join(f"`{word}`" for word in each.get("needs") or ())
    place = f"{each['patch']}: {each['file']}:{each['line']} {each.get('what', '')}".rstrip()
    return f"{place}; declare {needs}" if needs else place


def _receipt(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("path") or value.get("id") or value.get("digest") or value.get("sha256")
    return "" if value is None else str(value)
