"""One self-contained page of a scan, by importance: hazards, what ran, then the tree by file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher import __version__
from patcher.hazards.summary import summarise
from patcher.report.page import environment
from patcher.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from patcher.hazards.model import DynamicMap, Hazard, StaticMap
    from patcher.hazards.static import ModuleMap

MAX_UPDATES = 400


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


def page(
    title: str,
    static: Mapping[str, StaticMap],
    dynamic: DynamicMap | None = None,
    hazards: Sequence[Hazard] | None = None,
    drafts: Sequence[tuple[str, str]] = (),
) -> str:
    """The page's text. Every value is escaped; nothing is loaded from anywhere.

    Args:
        static: maps by the package's name.
        dynamic: what real runs did, when there were any.
        hazards: None when nothing was predicted.
        drafts: names and texts of drafted specs.
    """
    headline, tone = _headline(hazards)
    return (
        environment()
        .get_template("scan.html.j2")
        .render(
            title=title,
            version=__version__,
            headline=headline,
            tone=tone,
            lead=_lead(hazards),
            next_step=next_step(hazards or ()),
            hazards=[_hazard(each) for each in hazards or ()],
            drafts=drafts,
            ran=_ran(summarise(dynamic)) if dynamic is not None else None,
            maps=[_map(name, result) for name, result in static.items()],
        )
    )


def next_step(hazards: Sequence[Hazard]) -> str:
    """The command that works when it is pasted: the patches with their remedies; or empty."""
    remedies = [each.remedy for each in hazards if each.remedy]
    names = dict.fromkeys([*(each.patch for each in hazards if each.patch), *remedies])
    return f"patcher apply {' '.join(names)}" if remedies else ""


def _headline(hazards: Sequence[Hazard] | None) -> tuple[str, str]:
    if hazards is None:
        return "The map; nothing was predicted", "none"
    if not hazards:
        return "Nothing seen that these patches would break", "good"
    return f"{count(len(hazards), 'hazard')} predicted", "bad"


def _lead(hazards: Sequence[Hazard] | None) -> str:
    if hazards is None:
        return "Name patches to have predicted what they will break: patcher scan NAME."
    if not hazards:
        return "A prediction from what the cases did on pristine; `patcher verify` is the proof."
    cases = dict.fromkeys(case for each in hazards for case in each.cases)
    return f"Seen in {count(len(cases), 'case')} that ran on pristine; nothing was applied."


def _hazard(hazard: Hazard) -> HazardView:
    facts = (
        ("In", hazard.at.function),
        ("Under", hazard.under),
        ("Made at", str(hazard.made) if hazard.made else ""),
        ("Edit of", hazard.patch),
        ("Fires when", hazard.fires_when or ""),
        ("Cases", "; ".join(hazard.cases)),
        ("Remedy", hazard.remedy or ""),
        ("Note", hazard.note),
    )
    return HazardView(
        f"{hazard.kind} at {hazard.at.file}:{hazard.at.line}",
        hazard.at.line,
        hazard.at.source,
        [(name, value) for name, value in facts if value],
    )


def _ran(found: Mapping[str, Any]) -> Section:
    said = f"{found['operators']} operators in {count(len(found['cases']), 'case')}."
    return Section("What ran", said, [each for each in _dynamic(found) if each.rows])


def _dynamic(found: Mapping[str, Any]) -> Iterable[Table]:
    updates = sorted(found["updates"], key=_risk, reverse=True)[:MAX_UPDATES]
    yield Table(
        "In-place updates",
        ("where", "statement", "made at", "made under", "now under", "times"),
        [
            (
                _place(row),
                row["source"],
                row["created_at"] or "before the survey",
                "; ".join(row["made_under"]) or "nothing",
                "; ".join(row["under"]) or "nothing",
                row["count"],
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
            (_place(row), row["source"], _joined(row["operator"]), row["count"],
             f"{row['wall_s']:.4f}")
            for row in _slowest(found["synchronisations"])
        ],
        code=(1,),
    )  # fmt: skip
    yield Table(
        "Convolutions",
        ("where", "module", "rank", "dtype", "layout", "times", "seconds"),
        [
            (_place(row), ", ".join(row["module"]), _joined(row["rank"]), _joined(row["dtype"]),
             _joined(row["layout"]), row["count"], f"{row['wall_s']:.4f}")
            for row in _slowest(found["convolutions"])
        ],
        code=(1,),
    )  # fmt: skip
    yield Table(
        "Mixed dtypes",
        ("where", "statement", "operator", "dtypes", "times"),
        [
            (_place(row), row["source"], _joined(row["operator"]), _joined(row["dtypes"]),
             row["count"])
            for row in sorted(found["mixed"], key=lambda row: -row["count"])
        ],
        code=(1,),
    )  # fmt: skip


def _risk(row: Mapping[str, Any]) -> tuple[int, int]:
    """An update of an inference tensor weighs most, then one under other modes than its maker's."""
    risk = 2 * bool(row["inference_tensor"]) + (row["made_under"] != row["under"])
    return (risk, row["count"])


def _slowest(rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: (-row["wall_s"], -row["count"]))


def _map(name: str, found: StaticMap) -> Section:
    totals = ", ".join(f"{number} {kind}" for kind, number in sorted(found.totals().items()))
    said = f"{count(found.files, 'file')}, {found.lines} lines: {totals or 'nothing'}."
    modules = sorted(found.modules, key=lambda module: (-len(module.entries), module.file))
    return Section(name, said, [_module(module) for module in modules])


def _module(module: ModuleMap) -> Table:
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(module.counts().items()))
    rows = [(each.line, each.function, each.kind.value, each.source) for each in module.entries]
    note = module.error or counts
    return Table(module.file, ("line", "in", "kind", "source"), rows, code=(3,), note=note)


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['where']}:{row['line']} {row['function']}"


def _joined(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values)
