"""From the object of ``verify --json`` to a `Record`. Unknown keys are passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from patcher.report.record import (
    ARMS,
    ArmState,
    CaseRecord,
    Cause,
    Excerpt,
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
        target=_text(result, "target"),
        version=_text(result, "version"),
        date=_text(result, "date"),
        machine=_text(result, "machine") or machine_line(result.get("environment") or {}),
        wall_s=result.get("wall_s"),
        weights=_text(result, "weights"),
        compared=_text(result, "compared"),
        cases=tuple(_case(one) for one in result.get("cases", ())),
        causes=tuple(_cause(one) for one in result.get("diagnosis", ())),
        speed=_speed(speed) if speed else None,
        table=_table(table) if table else None,
        lives=tuple(_lives(result.get("life"))),
        diff=_text(result, "diff"),
        exercised=None if exercised is None else tuple(r for one in exercised for r in _ran(one)),
        unexercised=tuple(_never(one) for one in exercised or () if one.get("kind") == "never"),
        undeclared=tuple(_undeclared(one) for one in result.get("undeclared") or ()),
        guards=None if guards is None else _texts(guards),
        warnings=_texts(result.get("warnings")),
        environment=result.get("environment") or {},
        trees=result.get("trees") or {},
        inputs=result.get("inputs") or {},
        receipt=_receipt(result.get("receipt")),
        reproducible=_text(result, "reproducible"),
    )


def machine_line(facts: Json) -> str:
    """The machine in one line, from the facts of its fingerprint."""
    device = facts.get("gpu") or facts.get("gpus") or facts.get("cpu") or facts.get("processor")
    if isinstance(device, (list, tuple)):
        device = ", ".join(map(str, device))
    parts = [str(device)] if device else []
    threads = facts.get("processors") or facts.get("cpus")
    if threads and not facts.get("gpu"):
        parts.append(f"{threads} processors")
    return ", ".join(parts)


def _text(one: Json, key: str) -> str:
    value = one.get(key)
    return "" if value is None else str(value)


def _texts(values: Any) -> tuple[str, ...]:
    if values is None:
        return ()
    return (values,) if isinstance(values, str) else tuple(map(str, values))


def _case(one: Json) -> CaseRecord:
    base, difference = one.get("baseline") or {}, one.get("difference")
    seconds = one.get("seconds") or {}
    return CaseRecord(
        model=str(one["model"]),
        test=str(one["test"]),
        status=str(one["status"]),
        baseline=ArmState(
            _text(base, "status"), _text(base, "outcome"), _text(base, "error"),
            seconds.get("baseline"),
        ),
        patched=ArmState(
            str(one["status"]), _text(one, "outcome"), _text(one, "error"), seconds.get("patched")
        ),
        gate=_text(one, "gate"),
        error=_text(one, "error"),
        reason=_text(one, "reason"),
        flaky=bool(one.get("flaky")),
        difference=_difference(difference) if difference else None,
        stages=tuple(_stage(stage) for stage in one.get("stages") or ()),
    )  # fmt: skip


def _stage(one: Json) -> StageState:
    return StageState(str(one["name"]), _text(one, "dtype"), tuple(one["shape"]), one.get("same"))


def _difference(one: Json) -> StageDifference:
    return StageDifference(
        gate=_text(one, "gate"),
        message=_text(one, "message"),
        stage=_text(one, "stage"),
        index=one.get("index"),
        size=one.get("size"),
        measured=one.get("measured") or {},
        limits=one.get("limits") or {},
    )


def _cause(one: Json) -> Cause:
    return Cause(
        error=str(one["error"]),
        where=_text(one, "where"),
        line=one.get("line"),
        cause=_text(one, "cause"),
        created_at=_text(one, "created_at"),
        fires_when=_text(one, "fires_when"),
        patch=_text(one, "patch"),
        remedy=_text(one, "remedy"),
        cases=_texts(one.get("cases")),
        excerpts=tuple(_excerpt(place) for place in one.get("excerpts") or ()),
        edit=_text(one, "edit"),
    )


def _excerpt(one: Json) -> Excerpt:
    return Excerpt(
        role=str(one["role"]),
        file=str(one["file"]),
        line=int(one["line"]),
        function=_text(one, "function"),
        first=int(one["first"]),
        lines=tuple(one["lines"]),
    )


def _speed(one: Json) -> SpeedRecord:
    cold = one.get("cold") or {}
    return SpeedRecord(
        verdict=str(one["verdict"]),
        sentence=_text(one, "sentence"),
        means=_text(one, "means"),
        time_ratio=one.get("time_ratio"),
        low=one.get("low"),
        high=one.get("high"),
        confidence=one.get("confidence"),
        pairs=one.get("pairs") or 0,
        margin=one.get("margin") or 0.0,
        smallest_detectable=one.get("smallest_detectable"),
        pairs_needed=one.get("pairs_needed"),
        pair_ratios=tuple(one.get("pair_ratios") or ()),
        stages=tuple(_times(one.get("stages"))),
        components=tuple(_times(one.get("components"))),
        repeated=tuple(f"pair {r['pair'] + 1}: {r['reason']}" for r in one.get("rerun") or ()),
        disturbed=tuple(f"pair {r['pair'] + 1}: {r['reason']}" for r in one.get("disturbed") or ()),
        pays_after_calls=cold.get("pays_after_calls"),
    )


def _times(rows: Any) -> Iterable[StageTime]:
    for row in rows or ():
        yield StageTime(
            str(row["name"]), row["baseline_s"], row["patched_s"], row["time_ratio"],
            row["low"], row["high"],
        )  # fmt: skip


def _table(one: Json) -> SpeedTable:
    arms = [tuple(_row(row) for row in one.get(arm) or ()) for arm in ARMS]
    return SpeedTable(arms[0], arms[1], _text(one, "source"), _text(one, "memory"))


def _row(row: Json) -> TableRow:
    keys = ("avg_gen_s", "avg_rtf", "avg_vram_mb", "min_rtf", "max_rtf")
    return TableRow(str(row["model"]), int(row["tests"]), *(row.get(key) for key in keys))


def _lives(found: Any) -> Iterable[LifeRecord]:
    for one in [found] if isinstance(found, Mapping) else found or ():
        arms = [tuple((one.get(arm) or {}).get("seconds") or ()) for arm in ARMS]
        if any(arms):
            yield LifeRecord(_text(one, "model"), arms[0], arms[1])


def _ran(one: Json) -> Iterable[Ran]:
    """A place of an edit: its lines ran when its cases reached them."""
    reached = one.get("kind", "ran") in ("ran", "import")
    cases = len(one.get("cases") or ()) if reached else 0
    for line in one.get("lines") or [one.get("line") or 0]:
        yield Ran(_text(one, "patch"), _text(one, "file"), int(line), cases)


def _never(one: Json) -> str:
    inside = f" ({one['function']})" if one.get("function") else ""
    return f"{one['patch']}: {one['file']}:{one['line']}{inside} never ran"


def _undeclared(one: Json) -> str:
    needs = " or ".join(f"`{word}`" for word in one.get("needs") or ())
    place = f"{one['patch']}: {one['file']}:{one['line']} {one.get('what', '')}".rstrip()
    return f"{place}; declare {needs}" if needs else place


def _receipt(told: Any) -> str:
    if isinstance(told, Mapping):
        told = told.get("path") or told.get("id") or told.get("digest") or told.get("sha256")
    return "" if told is None else str(told)
