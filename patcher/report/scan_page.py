"""One self-contained HTML page of a scan: hazards first, then what ran, then the tree by file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from patcher.hazards.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from patcher.hazards.model import DynamicMap, Hazard, StaticMap
    from patcher.hazards.static import ModuleMap

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c0392b; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { font-weight: 600; } code, td.code { font: 13px/1.4 ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .5rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.hazard { border-left: 4px solid var(--bad); background: var(--soft); padding: .5rem 1rem;
  margin: 1rem 0; }
.hazard dl { display: grid; grid-template-columns: 8rem 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { opacity: .7; }
dd { margin: 0; }
pre { background: var(--soft); padding: .75rem; overflow: auto; }
details { margin: .15rem 0; } summary { cursor: pointer; }
"""
MAX_UPDATES = 400


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
    body = [f"<h1>{escape(title)}</h1>"]
    if hazards is not None:
        body.append("<h2>Hazards</h2>")
        body += [_hazard(one) for one in hazards] or [
            "<p>Nothing seen that these patches would break.</p>"
        ]
    for name, text in drafts:
        body.append(f"<h2>Draft: {escape(name)}</h2><pre>{escape(text)}</pre>")
    if dynamic is not None:
        body += _dynamic(summarise(dynamic))
    for name, found in static.items():
        body += _static(name, found)
    return (
        "<!doctype html>\n<html lang='en'>\n<head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _hazard(hazard: Hazard) -> str:
    rows = (
        ("source", f"<code>{escape(hazard.at.source)}</code>" if hazard.at.source else ""),
        ("in", escape(hazard.at.function)),
        ("under", escape(hazard.under)),
        ("made at", escape(str(hazard.made)) if hazard.made else ""),
        ("patch", escape(hazard.patch)),
        ("fires when", escape(hazard.fires_when or "")),
        ("cases", escape(", ".join(hazard.cases))),
        ("remedy", escape(hazard.remedy or "")),
        ("note", escape(hazard.note)),
    )
    facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    head = f"{hazard.kind} at {hazard.at.file}:{hazard.at.line}"
    return f"<div class='hazard'><strong>{escape(head)}</strong><dl>{facts}</dl></div>"


def _dynamic(found: Mapping[str, Any]) -> Iterable[str]:
    yield f"<h2>What ran</h2><p>{found['operators']} operators in {len(found['cases'])} cases.</p>"
    updates = found["updates"][:MAX_UPDATES]
    yield _table(
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
    )
    yield _table(
        "Convolutions",
        ("where", "module", "rank", "dtype", "layout", "times", "seconds"),
        [
            (
                _place(row),
                ", ".join(row["module"]),
                _joined(row["rank"]),
                _joined(row["dtype"]),
                _joined(row["layout"]),
                row["count"],
                f"{row['wall_s']:.4f}",
            )
            for row in found["convolutions"]
        ],
    )
    yield _table(
        "Synchronisations",
        ("where", "statement", "operator", "times", "seconds"),
        [
            (
                _place(row),
                row["source"],
                _joined(row["operator"]),
                row["count"],
                f"{row['wall_s']:.4f}",
            )
            for row in found["synchronisations"]
        ],
    )
    yield _table(
        "Mixed dtypes",
        ("where", "statement", "operator", "dtypes", "times"),
        [
            (
                _place(row),
                row["source"],
                _joined(row["operator"]),
                _joined(row["dtypes"]),
                row["count"],
            )
            for row in found["mixed"]
        ],
    )


def _static(name: str, found: StaticMap) -> Iterable[str]:
    totals = ", ".join(f"{count} {kind}" for kind, count in sorted(found.totals().items()))
    yield f"<h2>{escape(name)}</h2>"
    yield f"<p>{found.files} files, {found.lines} lines: {totals or 'nothing'}.</p>"
    for module in found.modules:
        yield _module(module)


def _module(module: ModuleMap) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(module.counts().items()))
    head = f"<code>{escape(module.file)}</code> {escape(module.error or counts)}"
    rows = "".join(
        f"<tr><td class='number'>{one.line}</td><td>{escape(one.function)}</td>"
        f"<td>{one.kind.value}</td><td class='code'>{escape(one.source)}</td></tr>"
        for one in module.entries
    )
    return f"<details><summary>{head}</summary><table>{rows}</table></details>"


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return f"<h3>{escape(title)}</h3><p>None.</p>"
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=number' if isinstance(cell, int) else ''}>{escape(str(cell))}</td>"
            for cell in row
        )
        + "</tr>"
        for row in rows
    )
    return (
        f"<details><summary><strong>{escape(title)}</strong> ({len(rows)})</summary>"
        f"<table><tr>{head}</tr>{body}</table></details>"
    )


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['where']}:{row['line']} {row['function']}"


def _joined(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values)
