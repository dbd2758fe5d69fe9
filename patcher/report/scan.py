"""What `patcher scan` prints for people. Input: its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from patcher.report.console import Line, console, print_lines
from patcher.report.verdict import columns, labelled
from patcher.report.words import count
from patcher.report.wrapping import NO_BREAK, wrap

NO_TORCH = (
    "none of them names torch, and a scan maps what code does to torch's tensors; `patcher verify` "
    "runs any package"
)

if TYPE_CHECKING:
    from rich.console import Console

    from patcher.hazards.summary import DynamicSummary, RanLine
    from patcher.results.scanned import HazardOutcome, MappedPackage, ScanResult


def print_scan(result: ScanResult, *, names: Sequence[str] = (), color: bool | None) -> None:
    """Counts by file where nothing was predicted, else each hazard, then the drafts.

    Args:
        names: the patches that were named: a remedy is applied together with them.
    """
    out = console(color=color)
    target = next(iter(result.static), "the target")
    for name, static in result.static.items():
        if not static.torch:
            sentence = f"{name}: {count(static.files, 'file')}; {NO_TORCH}"
            for part in wrap(sentence, out.width, "", "  ") if out.is_terminal else [sentence]:
                out.print(part, soft_wrap=True)
            continue
        if result.predicted:
            counted = ", ".join(f"{number} {kind}" for kind, number in static.totals.items())
            text = f"{name}: {count(static.files, 'file')}; {counted or 'no entry'}"
            out.print(text, soft_wrap=True)
            continue
        head = f"{name}: {count(static.files, 'file')}, {count(static.lines, 'line')}"
        out.print(head, style="bold")
        if static.modules:
            print_lines(out, _counted(static, out.width))
    if result.dynamic is not None:
        _print_dynamic(result.dynamic, out)
    if not result.predicted:
        out.print(
            "nothing was predicted; name patches to have them predicted: `patcher scan NAME...`"
        )
        return
    if not result.hazards:
        torch = any(static.torch for static in result.static.values())
        nothing = "nothing seen that these patches would break" if torch else "no tensor to watch"
        out.print(f"no hazard: {nothing}", style="green" if torch else "yellow")
    for number, each in enumerate(result.hazards, 1):
        out.print()
        outside = f", outside {target}" if each.outside else ""
        head = f"hazard {number}: {each.kind} at {each.where}:{each.line}{outside}"
        out.print(head, style="bold red", soft_wrap=True)
        facts = (
            ("source", each.source),
            ("in", each.function),
            ("under", each.under),
            ("made at", each.created_at),
            ("edit of", each.patch),
            ("fires when", each.fires_when),
            ("remedy", each.remedy),
            ("note", each.note),
        )
        for key, value in facts:
            for line in labelled(key, value, out.width, "  ") if value else ():
                out.print(line, soft_wrap=True)
    if step := next_step(result.hazards, names):
        out.print()
        out.print(f"next: {step}", style="bold", soft_wrap=True)
    for draft in result.drafts:
        out.print()
        out.print(f"draft: patches/{draft.name}.yaml", style="bold")
        out.print(draft.text, soft_wrap=True)


def next_step(hazards: Sequence[HazardOutcome], patches: Sequence[str] = ()) -> str:
    """The command that works when it is pasted: the patches with their remedies; or empty."""
    remedies = [each.remedy for each in hazards if each.remedy]
    named = patches or [each.patch for each in hazards if each.patch]
    names = dict.fromkeys([*named, *remedies])
    return f"patcher apply {' '.join(names)}" if remedies else ""


def _print_dynamic(dynamic: DynamicSummary, out: Console) -> None:
    """Where the cases update in place and wait, a row a line of the target."""
    operators = count(dynamic.operators, "operator")
    out.print(f"{count(len(dynamic.cases), 'case')} ran {operators}")
    headings = ["update in place", "function", "operator", "tensor made at", "times"]
    rows = [
        [
            f"{each.where}:{each.line}{' (outside)' if each.outside else ''}",
            each.function,
            each.operator,
            str(each.created_at),
            str(each.count),
        ]
        for each in dynamic.updates
    ]
    print_lines(out, _fitting(headings, rows, out.width))
    tables: Mapping[str, Sequence[RanLine]] = {
        "convolutions": dynamic.convolutions,
        "conversions": dynamic.conversions,
        "synchronisations": dynamic.synchronisations,
        "mixed": dynamic.mixed,
    }
    for key, result in tables.items():
        times = sum(each.count for each in result)
        wall_s = sum(each.wall_s for each in result)
        waited = f", {wall_s:.3f} s" if key == "synchronisations" else ""
        out.print(f"{key}: {times} at {count(len(result), 'line')}{waited}")


def _counted(static: MappedPackage, width: int) -> Iterator[Line]:
    """Entries by file and kind, and of all files."""
    kinds = sorted(static.totals)
    rows = []
    for module in static.modules:
        counts = dict.fromkeys(kinds, 0)
        for entry in module.entries:
            counts[entry.kind.value] += 1
        rows.append([module.file, *(str(counts[kind] or "") for kind in kinds)])
    rows.append(["all", *(str(static.totals[kind]) for kind in kinds)])
    yield from _fitting(["file", *kinds], rows, width)


def _fitting(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[Line]:
    """A table where it fits, else a block a row: paths stay whole at any width."""
    right = [at for at in range(1, len(headings)) if all(is_count(row[at]) for row in rows)]
    head, *lines = columns([headings, *rows], right=right)
    if max(map(len, (head, *lines))) <= width:
        yield Line(head, "bold")
        yield from map(Line, lines)
        return
    for row in rows:
        yield Line(row[0])
        facts = [
            f"{cell}{NO_BREAK}{name}" if is_count(cell) else f"{name}: {cell}"
            for name, cell in zip(headings[1:], row[1:], strict=True)
            if cell
        ]
        yield from map(Line, wrap(", ".join(facts), width, "    "))


def is_count(cell: str) -> bool:
    return cell == "" or cell.isdecimal()
