"""A verification as Markdown, for a pull request or a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from patcher.patchfile.versions import with_version
from patcher.report import words
from patcher.report.charts import figure

if TYPE_CHECKING:
    from patcher.report.record import Cause, Record


def render(record: Record, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """The whole result; values are escaped, so that none is read as markup.

    Args:
        pictures: title and address of each.
    """
    lines = [*_head(record), "", *_cases(record)]
    for cause in record.causes:
        lines += [*_cause(cause, record), ""]
    if step := words.next_step(record):
        lines += [words.next_label(record), "", "```sh", step, "```", ""]
    lines += [*_table(record)]
    for title, address in pictures:
        lines += [f"![{_plain(title)}]({address})", ""]
    lines += ["What was measured, and what was not:", ""]
    lines += [f"- {_sentence(line)}" for line in words.measured(record)]
    notes = (*record.unexercised, *record.undeclared, *record.warnings)
    lines += [f"- Note: {_sentence(note)}" for note in notes]
    return "\n".join(lines).rstrip()


def _head(record: Record) -> Iterable[str]:
    yield f"**{words.verdict_title(record)}**: {_plain(words.outcome(record))}"
    speed = record.speed
    if speed is not None and speed.counts:
        yield f"**{words.speed_headline(speed)}**, margin {speed.margin:.1%}"
    elif speed is not None and speed.measured:
        yield f"**{_plain(words.speed_headline(speed))}**"
    yield ""
    yield f"{_plain(record.sentence)}. {_plain(words.afterwards(record))}".strip()
    yield ""
    patches = ", ".join(f"`{_code(name)}`" for name in record.series) or "none: pristine"
    yield f"- Patches judged: {patches}"
    for each in record.culprits:
        yield f"- Culprit: {_plain(each)}"
    if record.target:
        yield f"- Target: {_plain(with_version(record.target, record.version))}"
    if record.machine:
        yield f"- Machine: {_plain(record.machine)}"
    if record.date:
        yield f"- Date: {_plain(record.date)} UTC"
    if record.id:
        yield f"- Run: {record.id} (`patcher history show {record.id}`)"


def _cases(record: Record) -> Iterable[str]:
    if not record.cases:
        return
    explained = {cause.error: number for number, cause in enumerate(record.causes, 1)}
    rows = []
    for case in record.cases:
        error = f"see cause {explained[case.error]}" if case.error in explained else case.error
        status = case.status + (" (flaky)" if case.flaky else "")
        rows.append([case.model, case.test, case.baseline.status, status, case.gate, error])
    yield from _rows(["model", "test", "baseline", "patched", "gate", "error"], rows)
    yield ""


def _cause(cause: Cause, record: Record) -> Iterable[str]:
    yield f"**Cause**: {_plain(cause.error)}"
    yield ""
    if cause.cause:
        yield f"- {_sentence(cause.cause)}"
    if cause.called_with:
        yield f"- Called `{_code(cause.called_with)}`"
    if cause.place:
        what = "Changed" if cause.at_edit else "Fails"
        yield f"- {what} at `{_code(cause.place)}`"
    if cause.created_at:
        yield f"- Made at `{_code(cause.created_at)}`"
    if cause.fires_when:
        yield f"- Fires when {_sentence(cause.fires_when)}"
    if cause.patch:
        yield f"- Responsible: an edit of `{_code(cause.patch)}`"
    if cause.remedy:
        yield f"- Remedy: `{_code(cause.remedy)}`"
    if cause.cases:
        yield f"- Cases: {_plain(words.cases_of(cause, record))}"


def _table(record: Record) -> Iterable[str]:
    if record.table is None:
        return
    from patcher.report.page import table_names, table_rows

    rows = [[arm, *row] for arm, row in table_rows(record.table)]
    if not rows:
        return
    if record.speed is not None and not record.speed.measured:
        yield "Times seen in the gates, single runs. Nothing was timed: they prove nothing."
        yield ""
    elif record.speed is not None and not record.speed.counts:
        yield "These times do not count. They are shown to find out what happened."
        yield ""
    yield from _rows(["Arm", *table_names(record.table)], rows)
    yield ""
    if record.speed is not None and record.speed.stages:
        names = ["Stage", "Baseline (s)", "Patched (s)", "Times as fast"]
        yield from _rows(
            names,
            [
                [
                    each.name,
                    figure(each.baseline_s),
                    figure(each.patched_s),
                    f"{1 / each.time_ratio:.2f}",
                ]
                for each in record.speed.stages
            ],
        )
        yield ""


def _rows(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"

    return [line(headings), "|" + "---|" * len(headings), *map(line, rows)]


def _sentence(text: str) -> str:
    """A sentence whose ``backticks`` stay code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return _plain(text)
    return "".join(
        f"`{part}`" if i % 2 else _plain(part, ends=True) for i, part in enumerate(parts)
    )


def _code(text: str) -> str:
    """What stands between backticks."""
    return " ".join(text.replace("`", "'").split())


def _plain(value: object, *, ends: bool = False) -> str:
    text = "-" if value in (None, "") else str(value)
    if ends and not value:
        return ""
    for mark in "\\`*_<>[]#":
        text = text.replace(mark, f"\\{mark}")
    flat = " ".join(text.split())
    if ends:  # a part of a sentence keeps the blanks it ends on
        flat = f"{' ' if text[:1].isspace() else ''}{flat}{' ' if text[-1:].isspace() else ''}"
    return flat
