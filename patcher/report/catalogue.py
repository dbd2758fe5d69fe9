"""What `patcher list` prints: a line a patch, so that the catalogue fits on a screen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from patcher.report.console import STYLES, Line
from patcher.report.verdict import columns
from patcher.report.words import count
from patcher.report.wrapping import wrap
from patcher.results import Gain

if TYPE_CHECKING:
    from patcher.results import ListedPatch, ListResult

MEASURED = re.compile(
    r"time of (?P<stage>[\w ]+): (?P<ratio>[\d.]+) \((?P<low>[\d.]+) to (?P<high>[\d.]+)\) "
    r"of pristine's, (?P<verdict>[\w-]+);.*?(?P<date>\d{4}-\d\d-\d\d)?$"
)
DECIDED = ("faster", "slower", "no-measurable-change")
SHORTEST_SUMMARY = 20
LONGEST_STAGE = 10


def gain_of(measured: Sequence[str]) -> Gain | None:
    """The newest decided timing among a spec's measurements; the newest one where none decided."""
    result = [match for text in measured if (match := MEASURED.match(text))]
    if not result:
        return None
    best = max(result, key=lambda match: (match["verdict"] in DECIDED, match["date"] or ""))
    low, high = float(best["low"]), float(best["high"])
    return Gain(best["stage"], 1 / float(best["ratio"]), 1 / high, 1 / low, best["verdict"])


def catalogue_lines(result: ListResult, width: int, *, everything: bool = False) -> Iterator[Line]:
    """A line a patch, then the sets, then what was left out and how to see it."""
    shown = [item for item in result.patches if everything or _worth_a_line(item)]
    if shown:
        yield from _rows(shown, width)
    else:
        yield Line("no patch yet: `patcher new NAME --at FILE:LINE` writes one")
    here = {name for item in shown for name in item.sets}
    sets = [each for each in result.sets if everything or each.name in here]
    if sets:
        yield Line()
    for each in sets:
        text = f"@{each.name}: {each.summary or count(len(each.patches), 'patch', 'patches')}"
        for part in wrap(f"{text} ({len(each.patches)})", width, "", "  "):
            yield Line(part)
    for spec in result.unreadable:
        for part in wrap(f"cannot be read: {spec.where}: {spec.message}", width, "", "  "):
            yield Line(part, "yellow")
    hidden = [item for item in result.patches if item not in shown]
    elsewhere = sum(item.elsewhere for item in hidden)
    unfit = len(hidden) - elsewhere
    fails = "fails" if unfit == 1 else "fail"
    reasons = (
        (unfit, f"more {'does' if unfit == 1 else 'do'} not fit here, or {fails} on purpose"),
        (elsewhere, "for other packages"),
    )
    counts = ", ".join(f"{number} {why}" for number, why in reasons if number)
    for part in wrap(f"{counts}; `patcher list --all` shows them", width) if counts else ():
        yield Line(part, "dim")


def _worth_a_line(each: ListedPatch) -> bool:
    return each.state.value in ("available", "applied") and not each.reproduction


def _rows(shown: Sequence[ListedPatch], width: int) -> Iterable[Line]:
    rows = [["patch", "gain", "claim", "sets", "state"]]
    empty = [None, gain_text(None), None, "-", None]
    for each in shown:
        sets = " ".join(each.sets) or "-"
        rows.append([each.name, gain_text(each.gain), each.equivalence, sets, each.state.value])
    for index in (3, 1):  # a column that says nothing of any patch
        if all(row[index] == empty[index] for row in rows[1:]):
            rows = _without(rows, rows[0][index])
    for heading in ("sets", "claim", "gain"):  # what is applied is said at any width
        if max(map(len, columns(rows))) > width:
            rows = _without(rows, heading)
    lines = columns(rows)
    widest = max(map(len, lines))
    room = width - widest - 2
    summaries = ["summary", *(_summary(each) for each in shown)]
    for number, (line, summary) in enumerate(zip(lines, summaries, strict=True)):
        whole = f"{line:<{widest}}  {_cut(summary, room)}" if room >= SHORTEST_SUMMARY else line
        state = shown[number - 1].state.value if number else ""
        yield Line(whole, "bold" if not number else STYLES.get(state, ""))
    cut = [e for e in shown if e.state.value == "blocked" and e.reason and len(e.reason) > room]
    if cut:
        yield Line()
    for each in cut:
        for part in wrap(f"{each.name}: {each.reason}", width, "", "  "):
            yield Line(part)


def _without(rows: list[list[str]], heading: str) -> list[list[str]]:
    """The same rows without the column of that heading, where there is one."""
    gone = [index for index, each in enumerate(rows[0]) if each == heading]
    return [[cell for index, cell in enumerate(row) if index not in gone] for row in rows]


def _summary(each: ListedPatch) -> str:
    if each.reason:
        return each.reason
    return each.summary + (" (fails on purpose)" if each.reproduction else "")


def gain_text(gain: Gain | None) -> str:
    """``1.19 times flow``; a timing that did not decide says so."""
    if gain is None:
        return "not timed"
    stage = _cut(gain.stage, LONGEST_STAGE)
    if gain.verdict == "undecided":
        return f"undecided {stage}"
    return f"{gain.times_as_fast:.3g} times {stage}"


def _cut(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return text[: room - 1].rsplit(" ", 1)[0] + "…"
