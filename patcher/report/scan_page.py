"""One self-contained page of a scan, by importance: hazards, what ran, then the tree by file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from patcher import __version__
from patcher.hazards.summary import RanLine, UpdateLine
from patcher.report.page import environment
from patcher.report.scan import next_step
from patcher.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from patcher.hazards.summary import DynamicSummary
    from patcher.results.scanned import MappedFile, MappedPackage, ScannedHazard, ScanResult

MAX_UPDATES = 400
Line = TypeVar("Line", bound=RanLine)


@dataclass(frozen=True)
class Table:
    """A table that opens; ``code`` are the columns that hold code."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    code: Sequence[int] = ()
    open: bool = False
    note: str = ""

    @property
    def count(self) -> str:
        return count(len(self.rows), "line")


@dataclass(frozen=True)
class Section:
    """A sentence and the tables below it."""

    name: str
    said: str
    tables: Sequence[Table]


@dataclass(frozen=True)
class HazardView:
    """One hazard: its heading, the line, and what is known of it."""

    head: str
    line: int
    source: str
    facts: Sequence[tuple[str, str]]


def page(title: str, result: ScanResult) -> str:
    """The page's text. Every value is escaped; nothing is loaded from anywhere."""
    headline, tone = _headline(result)
    return (
        environment()
        .get_template("scan.html.j2")
        .render(
            title=title,
            version=__version__,
            headline=headline,
            tone=tone,
            lead=_lead(result),
            next_step=next_step(result.hazards),
            hazards=[_hazard(each) for each in result.hazards],
            drafts=[(each.name, each.text) for each in result.drafts],
            ran=_ran(result.dynamic) if result.dynamic is not None else None,
            maps=[_map(name, each) for name, each in result.static.items()],
        )
    )


def _headline(result: ScanResult) -> tuple[str, str]:
    if not result.predicted:
        return "The map; nothing was predicted", "none"
    if not result.hazards:
        return "Nothing seen that these patches would break", "good"
    return f"{count(len(result.hazards), 'hazard')} predicted", "bad"


def _lead(result: ScanResult) -> str:
    if not result.predicted:
        return "Name patches to have predicted what they will break: patcher scan NAME."
    if not result.hazards:
        return "A prediction from what the cases did on pristine; `patcher verify` is the proof."
    cases = dict.fromkeys(case for each in result.hazards for case in each.cases)
    return f"Seen in {count(len(cases), 'case')} that ran on pristine; nothing was applied."


def _hazard(hazard: ScannedHazard) -> HazardView:
    facts = (
        ("In", hazard.function),
        ("Under", hazard.under),
        ("Made at", hazard.created_at or ""),
        ("Edit of", hazard.patch),
        ("Fires when", hazard.fires_when or ""),
        ("Cases", "; ".join(hazard.cases)),
        ("Remedy", hazard.remedy or ""),
        ("Note", hazard.note),
    )
    return HazardView(
        f"{hazard.kind} at {hazard.where}:{hazard.line}",
        hazard.line,
        hazard.source,
        [(name, value) for name, value in facts if value],
    )


def _ran(ran: DynamicSummary) -> Section:
    lead = f"{ran.operators} operators in {count(len(ran.cases), 'case')}."
    return Section("What ran", lead, [each for each in _dynamic(ran) if each.rows])


def _dynamic(ran: DynamicSummary) -> Iterable[Table]:
    updates = sorted(ran.updates, key=_risk, reverse=True)[:MAX_UPDATES]
    yield Table(
        "In-place updates",
        ("where", "statement", "made at", "made under", "now under", "times"),
        [
            (
                _place(row),
                row.source,
                row.created_at or "before the survey",
                "; ".join(row.made_under) or "nothing",
                "; ".join(row.under) or "nothing",
                row.count,
            )
            for row in updates
        ],
        code=(1,),
        open=bool(updates) and _risk(updates[0])[0] > 0,
        note="First those whose tensor was made under another mode than it is updated under.",
    )
    yield Table(
        "Waiting for the device",
        ("where", "statement", "operator", "times", "seconds"),
        [
            (_place(row), row.source, _joined(row.operator), row.count,
             f"{row.wall_s:.4f}")
            for row in _slowest(ran.synchronisations)
        ],
        code=(1,),
    )  # fmt: skip
    yield Table(
        "Convolutions",
        ("where", "module", "rank", "dtype", "layout", "times", "seconds"),
        [
            (_place(row), ", ".join(row.module), _joined(row.rank), _joined(row.dtype),
             _joined(row.layout), row.count, f"{row.wall_s:.4f}")
            for row in _slowest(ran.convolutions)
        ],
        code=(1,),
    )  # fmt: skip
    yield Table(
        "Mixed dtypes",
        ("where", "statement", "operator", "dtypes", "times"),
        [
            (_place(row), row.source, _joined(row.operator), _joined(row.dtypes),
             row.count)
            for row in sorted(ran.mixed, key=lambda row: -row.count)
        ],
        code=(1,),
    )  # fmt: skip


def _risk(row: UpdateLine) -> tuple[int, int]:
    """An update of an inference tensor weighs most, then one under other modes than its maker's."""
    risk = 2 * bool(row.inference_tensor) + (row.made_under != row.under)
    return (risk, row.count)


def _slowest(rows: Sequence[Line]) -> Sequence[Line]:
    return sorted(rows, key=lambda row: (-row.wall_s, -row.count))


def _map(name: str, package: MappedPackage) -> Section:
    totals = ", ".join(f"{number} {kind}" for kind, number in sorted(package.totals.items()))
    lead = f"{count(package.files, 'file')}, {package.lines} lines: {totals or 'nothing'}."
    modules = sorted(package.modules, key=lambda module: (-len(module.entries), module.file))
    return Section(name, lead, [_module(module) for module in modules])


def _module(module: MappedFile) -> Table:
    counts = ", ".join(
        f"{number} {kind}"
        for kind, number in sorted(Counter(each.kind.value for each in module.entries).items())
    )
    rows = [(each.line, each.function, each.kind.value, each.source) for each in module.entries]
    note = module.error or counts
    return Table(module.file, ("line", "in", "kind", "source"), rows, code=(3,), note=note)


def _place(row: RanLine) -> str:
    return f"{row.where}:{row.line} {row.function}"


def _joined(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values)
