"""What `patcher verify` prints for people: a row a case, the causes, the table, one ending.

`text` is pure: a record and a width in, lines out, so that golden files hold every kind of verdict.
Sentences wrap at words with hanging indents; paths and commands are never broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from patcher.patchfile.versions import with_version
from patcher.report import words
from patcher.report.console import STYLES, Line, console, print_lines
from patcher.report.wrapping import wrap

if TYPE_CHECKING:
    from patcher.report.record import CaseRecord, Cause, Record, SpeedTable

COLOURS = {
    "pass": "bold green",
    "fail": "bold red",
    "not-exercised": "bold red",
    "undeclared": "bold red",
    "cannot-judge": "bold yellow",
}
TABLE_FITS = 100  # columns; below, the table stands on its side
LABEL = 11


def print_verification(record: Record, *, color: bool | None) -> None:
    """Print `text` at the width of the terminal."""
    out = console(color=color)
    print_lines(out, text(record, out.width))


def text(record: Record, width: int) -> Iterator[Line]:
    """The result, line by line."""
    explained = {cause.error: number for number, cause in enumerate(record.causes, 1)}
    yield from _cases(record, explained, width)
    if record.table is not None and record.speed is not None and record.speed.counts:
        yield from _table(record.table, width)  # times seen in gates stay in the page
    for number, cause in enumerate(record.causes, 1):
        yield from _cause(number, cause, record, width)
    if record.cases:
        yield Line()
    yield from _ending(record, width)


NARROWEST = 20  # columns for a reason beside the name of its case


def labelled(label: str, sentence: str, width: int, indent: str = "") -> list[str]:
    """A label, and a sentence beside it with a hanging indent."""
    head = f"{indent}{label:<{LABEL}} "
    return wrap(sentence, width, head, " " * len(head))


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = (), gap: str = "  ") -> list[str]:
    """Rows as aligned text; the columns in ``right`` stand right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            cell.rjust(wide) if index in right else cell.ljust(wide)
            for index, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cases(record: Record, explained: dict[str, int], width: int) -> Iterator[Line]:
    rows = [_case_row(case, explained) for case in record.cases]
    aligned = columns(rows) if rows else []
    model = ""
    for case, row, line in zip(record.cases, rows, aligned, strict=True):
        if case.model != model:
            model = case.model
            yield Line(model, "bold")
        style = STYLES.get(case.status, "")
        if len(line) + 2 <= width:
            yield Line(f"  {line}", style)
            continue
        head = f"  {row[0]}  {row[1]}  "
        if len(head) + NARROWEST <= width:
            parts = wrap(row[2], width, head, "      ")
        else:  # a command is its case's name: it has lines of its own
            name = [f"{part}  {row[1]}" for part in wrap(row[0], width - 10, "  ", "    ")[-1:]]
            parts = [*wrap(row[0], width - 10, "  ", "    ")[:-1], *name]
            parts += wrap(row[2], width, "      ")
        for part in parts:
            yield Line(part, style)


def _case_row(case: CaseRecord, explained: dict[str, int]) -> list[str]:
    status = case.status + (" (flaky)" if case.flaky else "")
    if case.status == "pass":
        return [case.test, status, case.gate]
    if case.baseline.error:
        return [case.test, status, f"the baseline fails: {_first(case.baseline.error)}"]
    if case.error in explained:
        why = case.patched.outcome if case.patched.outcome != "ok" else f"gate {case.gate}"
        return [case.test, status, f"{why}, see {explained[case.error]} below"]
    return [case.test, status, _first(case.error) or case.patched.outcome]


def _first(error: str) -> str:
    return error.split("\n", maxsplit=1)[0]


def _table(table: SpeedTable, width: int) -> Iterator[Line]:
    from patcher.report.page import table_names, table_rows, table_source

    rows = list(table_rows(table))
    if not rows:
        return
    yield Line()
    names = table_names(table)
    wide = [["", *names], *([arm, *row] for arm, row in rows)]
    lines = columns(wide, right=range(2, len(names) + 1))
    if width >= TABLE_FITS and len(max(lines, key=len)) <= width:
        for number, line in enumerate(lines):
            yield Line(line, "" if number else "bold")
    else:
        yield from _on_its_side(names, rows)
    for part in wrap(table_source(table), width):
        yield Line(part, "dim")


def _on_its_side(
    names: Sequence[str], rows: Sequence[tuple[str, tuple[str, ...]]]
) -> Iterator[Line]:
    """The table for a narrow terminal: a block a model, a line a figure, a column an arm."""
    by_model: dict[str, dict[str, tuple[str, ...]]] = {}
    for arm, row in rows:
        by_model.setdefault(row[0], {})[arm] = row
    for model, arms in by_model.items():
        yield Line(model, "bold")
        body = [["", *arms]]
        for index, name in enumerate(names):
            if index:
                body.append([name, *(row[index] for row in arms.values())])
        for line in columns(body, right=(1, 2)):
            yield Line(f"  {line}")


def _cause(number: int, cause: Cause, record: Record, width: int) -> Iterator[Line]:
    yield Line()
    for part in wrap(cause.error, width, f"{number}. ", "   "):
        yield Line(part, "bold")
    facts = (
        ("cases", words.cases_of(cause, record)),
        ("called", cause.called_with),
        ("changed at" if cause.at_edit else "fails at", cause.place),
        ("cause", cause.cause),
        ("made at", cause.created_at),
        ("fires when", cause.fires_when),
        ("edit of", cause.patch),
        ("remedy", cause.remedy),
    )
    for label, value in facts:
        for part in labelled(label, value, width, "   ") if value else ():
            yield Line(part)


def _ending(record: Record, width: int) -> Iterable[Line]:
    """The one ending: figure, verdict, what was judged, what is left, what comes next."""
    if record.speed is not None:
        for part in wrap(words.speed_headline(record.speed), width):
            style = STYLES.get(record.speed.verdict, "") if record.speed.counts else ""
            yield Line(part, f"bold {style}".strip())
        if record.speed.counts:
            yield from _indented(words.speed_terms(record.speed), width)
            for each in (record.speed.means, *record.speed.caveats):
                yield from _indented(each, width) if each else ()
        if missing := words.speed_missing(record.speed):
            yield from _indented(missing, width)
        for line in record.speed.repeated:
            yield from _indented(f"run again: {line}", width)
    ending = f"{words.verdict_title(record)}: {words.outcome(record)}"
    if record.verdict == "nothing-to-verify":
        ending = record.sentence
    for part in wrap(ending, width, "", "  "):
        yield Line(part, COLOURS.get("fail" if record.failed else record.verdict, "bold"))
    if record.cases and record.verdict not in ("pass", "fail"):
        yield from _indented(record.sentence, width)
    facts = [("judged", words.judged(record))] if record.series else []
    facts += [("culprit", each) for each in record.culprits]
    if record.target:
        on = with_version(record.target, record.version)
        weights = words.weights(record)
        facts.append(("target", f"{on}, {weights}" if weights else on))
    facts += [("not run", line) for line in record.unexercised]
    facts += [("undeclared", line) for line in record.undeclared]
    facts += [("note", note) for note in record.warnings]
    if record.guards is not None and record.verdict != "nothing-to-verify":
        facts.append(("guards", ", ".join(record.guards) or "none in force"))
    if after := words.afterwards(record):
        facts.append(("now", after))
    if step := words.next_step(record):
        facts.append(("next", step))
    if record.id:
        facts.append(("report", f"`patcher history show {record.id} --open`"))
    for label, value in facts:
        style = "yellow" if label in ("note", "not run", "undeclared") else ""
        if label == "next":
            yield Line(f"  {label:<{LABEL}} {value}", "bold")  # pasted: on one line
            continue
        for part in labelled(label, value, width, "  "):
            yield Line(part, style)


def _indented(sentence: str, width: int) -> Iterator[Line]:
    for part in wrap(sentence, width, "  ", "  "):
        yield Line(part)
