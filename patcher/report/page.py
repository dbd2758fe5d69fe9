"""A verification as one page: works from a file, with the network off, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from patcher import __version__
from patcher.report import changes, charts, further, sound, words
from patcher.report.sound import Sounds

if TYPE_CHECKING:
    from jinja2 import Environment

    from patcher.report.record import ArmState, CaseRecord, Cause, Excerpt, Record, SpeedTable

TONES = {
    "pass": "good",
    "fail": "bad",
    "not-exercised": "bad",
    "undeclared": "bad",
    "cannot-judge": "doubt",
    "not-applicable": "none",
}
STATES = {"pass": "✓ pass", "fail": "✕ fail", "not-applicable": "– not judged"}
MOST_OPEN = 3
EDIT = "the edit"


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    tone: str
    word: str
    anchor: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class ArmView:
    """One arm of a case: picture and player, or why there is none."""

    name: str
    detail: str = ""
    picture: str = ""
    audio: str = ""
    seconds: str = ""
    top: str = ""
    missing: str = ""


@dataclass(frozen=True)
class CaseView:
    """One case in full."""

    case: CaseRecord
    anchor: str
    tone: str
    word: str
    open: bool
    sounds: bool
    error: str = ""
    arms: tuple[ArmView, ...] = ()
    difference: str = ""
    largest: str = ""
    figures: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class CauseView:
    """A cause with the hunk of the edit that is responsible."""

    record: Cause
    excerpts: tuple[Excerpt, ...] = ()
    edit: changes.DiffHunk | None = None
    edit_file: str = ""
    cases: str = ""


@dataclass(frozen=True)
class Plot:
    """A picture in the page's own colours. ``svg`` is made here, and not escaped."""

    title: str
    caption: str
    svg: Any


def render(record: Record, sounds: Mapping[tuple[str, str], Sounds] | None = None) -> str:
    """The page. Every value is escaped; nothing is loaded from anywhere.

    Args:
        sounds: by model and test; what is not there is not played.
    """
    known = sounds or {}
    diff = changes.parse(record.diff, record.exercised)
    cases = case_views(record, known)
    values: dict[str, Any] = {
        "record": record,
        "version": __version__,
        "tone": TONES.get("fail" if record.failed else record.verdict, "none"),
        "title": words.verdict_title(record),
        "judged": words.judged(record),
        "took": words.duration(record.wall_s) if record.wall_s else "",
        "next_step": words.next_step(record),
        "next_label": words.next_label(record),
        "cells": {(v.case.model, v.case.test): cell(v) for v in cases},
        "cases": cases,
        "further": further.view(record),
        "tones": TONES,
        "states": STATES,
        "any_sound": any(view.sounds for view in cases),
        "spread": f"{sound.SPREAD_DB:.0f}",
        "causes": [
            replace(cause_view(each, diff), cases=words.cases_of(each, record))
            for each in record.causes
        ],
        "diff": diff,
        "measured": words.measured(record),
        "facts": tuple(facts(record)),
        "contents": tuple(contents(record, bool(diff))),
        **headlines(record),
        **speed_values(record),
    }
    return environment().get_template("verification.html.j2").render(values)


def environment() -> Environment:
    """The templates of this package; every value is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("patcher.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["code"] = code
    return made


def code(text: str) -> Any:
    """A sentence whose ``backticks`` become code."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:  # a backtick alone is one
        return escape(text)
    marked = [Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts)]
    return Markup("").join(marked)


def headlines(record: Record) -> dict[str, str]:
    """The large line, the one under it, and the sentence below."""
    outcome = words.outcome(record)
    speed = record.speed
    # The counts behind the colon are in the headline.
    sentence = record.sentence.partition(": ")[0] if record.cases else record.sentence
    lead = f"{sentence}. {words.afterwards(record)}".strip().replace("..", ".")
    if speed is not None and speed.counts and not record.failed:
        return {
            "headline": words.speed_headline(speed),
            "under": f"margin {speed.margin:.1%}, {words.count(speed.pairs, 'pair')}; {outcome}",
            "lead": lead,
        }
    if outcome == record.sentence:
        lead = words.afterwards(record)
    under = words.speed_headline(speed) if speed is not None and speed.counts else ""
    return {"headline": outcome[:1].upper() + outcome[1:], "under": under, "lead": lead}


def contents(record: Record, diff: bool) -> Iterable[tuple[str, str]]:
    """Anchors and names of the sections there are."""
    if record.cases:
        yield "cases", "Cases"
    if record.causes:
        yield "cause", "Why"
    if record.speed or record.lives:
        yield "speed", "Speed" if record.speed else "Life"
    if record.cases:
        yield "outputs", "Outputs"
    if diff:
        yield "diff", "Changes"
    yield "evidence", "Evidence"


def cell(view: CaseView) -> Cell:
    """A case as a cell of the matrix; an error that is explained below is only named here."""
    case, details = view.case, []
    if case.status == "pass" and case.gate:
        details.append(case.gate)
    if case.status != "pass" and view.error:
        details.append(shortened(view.error, 70))
    elif case.status == "fail":
        details.append(case.patched.outcome if case.patched.outcome != "ok" else case.gate)
    return Cell(view.tone, view.word, view.anchor, tuple(details))


def shortened(text: str, most: int) -> str:
    """The first line, cut at a word."""
    line = text.split("\n", maxsplit=1)[0]
    if len(line) <= most:
        return line
    return line[:most].rsplit(" ", 1)[0].rstrip(" .,;:") + " …"


def case_views(record: Record, sounds: Mapping[tuple[str, str], Sounds]) -> tuple[CaseView, ...]:
    """Every case in full; the first that fail are open, else the first of all."""
    failing = [case for case in record.cases if case.status == "fail"]
    opened = set(map(id, (failing or record.cases)[: MOST_OPEN if failing else 1]))
    explained = {cause.error for cause in record.causes}
    return tuple(
        case_view(
            CaseView(
                case,
                f"case-{number}",
                TONES.get(case.status, "none"),
                STATES.get(case.status, case.status) + (" (flaky)" if case.flaky else ""),
                id(case) in opened,
                sounds=False,
                error="" if case.error in explained else case.error,
                figures=tuple(figures_of(case)),
            ),
            sounds.get((case.model, case.test), Sounds()),
        )
        for number, case in enumerate(record.cases, 1)
    )


def case_view(view: CaseView, sounds: Sounds) -> CaseView:
    """One case with its pictures and players, where it has sound."""
    if sounds.baseline is None and sounds.patched is None:
        return view
    drawn = sound.pictures(sounds.baseline, sounds.patched)
    case = view.case
    arms = (
        arm_view("baseline", sounds.baseline, drawn.baseline, case.baseline),
        arm_view("patched", sounds.patched, drawn.patched, case.patched),
    )
    largest = ""
    if drawn.largest_db is not None:
        largest = f"at most {drawn.largest_db:.1f} dB" if drawn.largest_db else "no difference"
    difference = sound.data_uri("image/png", drawn.difference) if drawn.difference else ""
    return replace(view, sounds=True, arms=arms, difference=difference, largest=largest)


def arm_view(
    name: str, audio: sound.Sound | None, picture: bytes | None, state: ArmState
) -> ArmView:
    """One arm: its picture and player."""
    if audio is None or picture is None:
        ended = state.outcome not in ("", "ok")
        why = f"no sound: the run ended with `{state.outcome}`" if ended else "no sound was kept"
        return ArmView(name, missing=why)
    detail = f"{audio.seconds:.2f} s at {audio.rate / 1000:g} kHz"
    if audio.cut_s:
        detail = f"the first {audio.seconds:.0f} s of {audio.cut_s:.1f} s"
    return ArmView(
        name,
        detail,
        sound.data_uri("image/png", picture),
        sound.data_uri("audio/wav", audio.wav),
        f"{audio.seconds:.2f} s",
        f"{audio.rate / 2000:g}",
    )


def figures_of(case: CaseRecord) -> Iterable[tuple[str, str, str]]:
    """What the failed gate measured, with what it was held against."""
    if case.difference is None:
        return
    for name, value in case.difference.measured.items():
        limit = case.difference.limits.get(name)
        yield name.replace("_", " "), f"{value:.4g}", "" if limit is None else f"{limit:.4g}"


def cause_view(cause: Cause, diff: Sequence[changes.FileDiff]) -> CauseView:
    """The cause; the edit's place is shown as the hunk of the diff that holds it, if one does."""
    for place in cause.excerpts:
        hunk = changes.hunk_of(diff, place.file, place.line) if place.role == EDIT else None
        if hunk is not None:
            rest = tuple(each for each in cause.excerpts if each is not place)
            return CauseView(cause, rest, hunk, place.file)
    return CauseView(cause, cause.excerpts)


def speed_values(record: Record) -> dict[str, Any]:
    """What the section on speed shows."""
    speed, table = record.speed, record.table
    rows = list(table_rows(table)) if table is not None else []
    timed = speed is not None and speed.measured
    note = ""
    if rows and not timed:
        note = "These are single runs made for the gates. Nothing was timed: they prove nothing."
    elif rows and speed is not None and not speed.counts:
        note = "These times do not count. They are shown to find out what happened."
    repeated = (*speed.repeated, *speed.disturbed) if speed is not None else ()
    return {
        "speed_headline": words.speed_headline(speed) if speed else "",
        "speed_terms": words.speed_terms(speed) if speed else "",
        "speed_missing": words.speed_missing(speed) if speed else "",
        "plots": [
            Plot(each.title, each.caption, markup(each.in_page())) for each in charts.charts(record)
        ],
        "table_names": table_names(table) if table is not None else (),
        "table_rows": rows,
        "table_note": note,
        "repeated": repeated,
    }


def markup(text: str) -> Any:
    """Markup made here, not to be escaped."""
    from markupsafe import Markup

    return Markup(text)


FIGURES = {
    "avg_gen_s": "Avg Gen Time (s)",
    "avg_rtf": "Avg RTF",
    "avg_vram_mb": "Avg VRAM Used (MB)",
    "min_rtf": "Min RTF",
    "max_rtf": "Max RTF",
}
ON_HOST = "Avg Process Growth (MB)"


def _figures(table: SpeedTable) -> dict[str, str]:
    """Keys and headings of the figures that were measured on either arm."""
    rows = (*table.baseline, *table.patched)
    shown = {
        key: ON_HOST if table.on_host and key == "avg_vram_mb" else heading
        for key, heading in FIGURES.items()
        if not rows or any(getattr(row, key) is not None for row in rows)
    }
    if "avg_rtf" not in shown:  # the target makes no sound
        shown["avg_gen_s"] = "Avg Time (s)"
    return shown


def table_names(table: SpeedTable) -> tuple[str, ...]:
    """Headings of the report's own table, without figures that nobody measured."""
    return ("Model Name", "Tests", *_figures(table).values())


def table_source(table: SpeedTable) -> str:
    """Where the figures come from, and what of the headings needs a word."""
    rtf = "; RTF: compute seconds per audio second" if "avg_rtf" in _figures(table) else ""
    return f"measured in {table.source}; memory: {table.memory}{rtf}"


def table_rows(table: SpeedTable) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Both arms' rows, model by model."""
    for name, rows in (("baseline", table.baseline), ("patched", table.patched)):
        for row in rows:
            values = [getattr(row, key) for key in _figures(table)]
            shown = tuple("–" if value is None else charts.figure(value) for value in values)
            yield name, (row.model, str(row.tests), *shown)


def facts(record: Record) -> Iterable[tuple[str, str]]:
    """The environment, guards, receipt and hashes."""
    for name, value in record.environment.items():
        if value not in (None, "", [], {}):
            yield _fact(name), value_text(value)
    if record.guards is not None:
        yield "guards in force", ", ".join(record.guards) or "none"
    for name, value in record.inputs.items():
        yield f"inputs: {name}", value_text(value)
    for arm, digest in record.trees.items():
        yield f"{arm} tree", str(digest)
    if record.receipt:
        yield "receipt", record.receipt


def _fact(name: str) -> str:
    """A key of the environment in words, its unit after a comma."""
    words = name.replace("_", " ")
    return f"{words.removesuffix(' gib')}, GiB" if words.endswith(" gib") else words


def value_text(value: object) -> str:
    """A JSON value as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_text(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(value_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
