"""Edits of lines as they are: `lines` and `final-newline`. Any text file has those.

Nothing is left open here, white space and comments count: what no syntax says, this does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.kinds import Level
from patcher.patchfile.model import Edit, EditKind, EditStatus
from patcher.rewrite.kinds.registry import NOTHING, PlannedKind
from patcher.rewrite.matching.deciding import Result, decide, near, no_definition, site_at
from patcher.rewrite.outcome import EditOutcome, Site
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.patchfile import nodes
    from patcher.patchfile.kinds import Reading
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source


def split(text: str) -> list[str]:
    """The lines that a value of a spec stands for; an empty value is no line at all."""
    return text.removesuffix("\n").split("\n") if text else []


def lines(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """Plan a `lines` edit: a run of whole lines becomes another one.

    Lines end as the file's own do; whether the last one has an end at all stays as it is.
    """
    source = file.source
    old, new = split(edit.pattern or ""), split(edit.replacement or "")
    if edit.within not in (None, "<module>") and not file.definitions(edit.within or ""):
        return no_definition(file, edit), []
    present = list(of(source))
    result = starts_of(file, edit, present, old)
    kept = [at for n, at in enumerate(result) if n == 0 or at >= result[n - 1] + len(old)]
    places = tuple(_place(file, at, len(old)) for at in kept)
    written = tuple(_place(file, at, len(new)) for at in starts_of(file, edit, present, new))
    decided = decide(edit, places, written if new and any(map(str.strip, new)) else ())
    if decided.status is EditStatus.MISSING and not result:
        return _missing(file, edit, present, old)
    if decided.status is not EditStatus.READY:
        return decided, []
    return decided, [splice for at in kept for splice in _splices(source, at, old, new)]


def starts_of(file: File, edit: Edit, present: list[str], expected: list[str]) -> list[int]:
    """Where, counted from 0, a run of lines stands in the place that an edit names."""
    runs = _runs(present, expected)
    return [at for at in runs if _inside(file, edit, at, at + len(expected))]


def of(source: Source) -> Iterator[str]:
    """The lines of a file, without their ends."""
    for number, start in enumerate(source.starts):
        last = number + 1 == len(source.starts)
        end = len(source.text) if last else source.starts[number + 1]
        text = source.text[start:end]
        if text or not last:
            yield text.rstrip("\r\n") if not last else text


def _runs(present: list[str], expected: list[str]) -> Iterator[int]:
    """Where a run of lines stands, counted from 0."""
    if expected:
        for at in range(len(present) - len(expected) + 1):
            if present[at] == expected[0] and present[at : at + len(expected)] == expected:
                yield at


def _inside(file: File, edit: Edit, first: int, last: int) -> bool:
    """Whether lines ``first`` to ``last`` (from 0, the end excluded) lie where `within` says."""
    if edit.within is None:
        return True
    if edit.within == "<module>":
        return not any(each.first <= last and first < each.last for each in file.source.definitions)
    return any(
        each.first <= first + 1 and last <= each.last for each in file.definitions(edit.within)
    )


def _place(file: File, at: int, count: int) -> Site:
    start, end = file.source.lines(at + 1, at + count)
    return site_at(file, start, end)


def _splices(source: Source, at: int, old: list[str], new: list[str]) -> Iterator[Splice]:
    """What is written for one site: lines that stay at its start and its end are left alone."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    first, last = at + head, at + len(old) - tail
    end = len(source.text)
    start = source.starts[first] if first < len(source.starts) else end
    stop = source.starts[last] if last < len(source.starts) else end
    written = new[head : len(new) - tail]
    newline = source.newline
    text = "".join(line + newline for line in written)
    unended = stop == end and not source.text.endswith(("\n", "\r"))
    if unended and written:
        # After the last line, which has no end; or in its place.
        text = (newline if first == last else "") + newline.join(written)
    elif unended and first > 0:  # the last lines go: so does the end of the line before them
        before = source.text[source.starts[first - 1] : start].rstrip("\r\n")
        start = source.starts[first - 1] + len(before)
    if source.text[start:stop] != text:
        yield Splice(start, stop, text)


def final_newline(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """Plan a `final-newline` edit: how the last line of a file ends, see `ended`."""
    source = file.source
    end = len(source.text)
    site = (site_at(file, end, end),)
    there = source.text.endswith(("\n", "\r")) == (edit.pattern == "true")
    return EditOutcome(edit, EditStatus.ALREADY if there else EditStatus.READY, site, 1), []


def ended(text: str, edits: Sequence[Edit], newline: str) -> str:
    """An edited text with the end that a `final-newline` among the edits asks for."""
    for edit in edits:
        if edit.kind is EditKind.FINAL_NEWLINE:
            has = text.endswith(("\n", "\r"))
            if has and edit.pattern == "false":
                text = text[: -2 if text.endswith("\r\n") else -1]
            elif not has and text and edit.pattern == "true":
                text += newline
    return text


def _missing(file: File, edit: Edit, present: list[str], old: list[str]) -> Result:
    """No such lines: the run that is most like them."""
    return _closest(file, edit, present, old), []


def _closest(file: File, edit: Edit, present: list[str], old: list[str]) -> EditOutcome:
    import difflib

    message = f"no such lines in {edit.within or edit.file}"
    expected = [line.strip() for line in old]
    for at in range(len(present) - len(old) + 1):
        here = present[at : at + len(old)]
        if [line.strip() for line in here] == expected:
            start, end = file.source.lines(at + 1, at + len(old))
            note = "differs in white space" if here != old else ""
            return near(file, edit, message, (start, end), note)
    key = max(old, key=len)
    close = difflib.get_close_matches(key, [line for line in present if line.strip()], 1, 0.6)
    if not close:
        return near(file, edit, message, None, "")
    start, end = file.source.lines(present.index(close[0]) + 1, present.index(close[0]) + 1)
    return near(file, edit, message, (start, end), "")


def check_lines(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    """Something is sought, and something else written."""
    value, mark = edit.pattern or "", entry.marks["lines"]
    if not value.strip():
        hint = "take a line above or below along that is not blank"
        reader.problems.add(mark, "`lines` holds blank lines only", hint)
    elif split(value) == split(edit.replacement or ""):
        reader.problems.add(mark, "the replacement is the pattern", "change `with`")


def check_final_newline(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    if edit.pattern not in ("true", "false"):
        reader.problems.add(entry.marks["final-newline"], "`final-newline` is true or false")


KINDS = (
    PlannedKind(
        "lines", order=9,
        summary="Whole lines of a text file, exactly as they are; no holes.",
        holds="text", level=Level.LINES, needs_with=True, check=check_lines, plan=lines,
    ),
    PlannedKind(
        "final-newline", order=10,
        summary="Whether the file ends with a newline.",
        holds="truth", level=Level.LINES, takes_within=False, check=check_final_newline,
        plan=final_newline,
    ),
)  # fmt: skip
