"""A verification as one self-contained page: no script, nothing fetched, every value escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import log
from typing import Any

from patcher.report.verdict import TABLE_COLUMNS, table_headings

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 } caption { text-align: left; font-weight: 600 }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top }
code { font: 13px ui-monospace, monospace } dt { font-weight: 600 } dd { margin: 0 0 .5rem 1rem }
.pass, .faster { color: #176b2c } .fail, .slower { color: #a3200d }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #161616 } th, td { border-color: #444 }
  .pass, .faster { color: #6fcf87 } .fail, .slower { color: #ff8a75 } }
"""
DIAGNOSIS = (
    ("where", "at"),
    ("cause", "cause"),
    ("created_at", "made at"),
    ("fires_when", "fires when"),
    ("patch", "edit of"),
    ("remedy", "remedy"),
)


def render(result: Mapping[str, Any]) -> str:
    """The page."""
    verdict = result["verdict"]
    body = [
        f'<h1>patcher: <span class="{verdict}">{verdict}</span></h1>',
        f"<p>{escape(result['sentence'])}</p>",
        f"<p>series: {escape(', '.join(result['series']) or 'none, the tree is pristine')}</p>",
    ]
    cases = [
        [one["model"], one["test"], one["baseline"]["status"], one["status"], one["gate"],
         one["error"]]
        for one in result["cases"]
    ]  # fmt: skip
    if cases:
        headings = ["model", "test", "baseline", "patched", "gate", "error"]
        body.append(_table("Cases", headings, cases))
    if "speed" in result:
        body += [f"<h2>Speed</h2><p>{escape(result['speed']['sentence'])}</p>"]
        body += [plot(result["speed"])]
    if "table" in result:
        names = table_headings(result)
        for arm in ("baseline", "patched"):
            rows = [[row.get(key) for _, key in TABLE_COLUMNS] for row in result["table"][arm]]
            body.append(_table(arm, names, rows))
    for one in result["diagnosis"]:
        facts = "".join(
            f"<dt>{label}</dt><dd><code>{escape(str(_where(one, key)))}</code></dd>"
            for key, label in DIAGNOSIS
            if one[key]
        )
        body.append(f"<h2>{escape(one['error'])}</h2><dl>{facts}</dl>")
    notes = [*result.get("warnings", ())]
    if result.get("weights"):
        notes.append(f"weights: {result['weights']}")
    body += [f"<p>{escape(note)}</p>" for note in notes]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>patcher</title>'
        f"<style>{STYLE}</style><body>{''.join(body)}</body></html>"
    )


def plot(speed: Mapping[str, Any]) -> str:
    """Every pair's ratio as a dot, the interval as a bar, the margin as a band; an inline SVG."""
    ratios = speed.get("pair_ratios") or []
    if not ratios or speed["time_ratio"] is None:
        return ""
    margin = log(1 + speed["margin"])
    low, high = log(speed["low"]), log(speed["high"])
    reach = 1.1 * max(margin, abs(low), abs(high), *(abs(log(one)) for one in ratios))
    width, height = 640, 40 + 14 * len(ratios)

    def x(value: float) -> float:
        return round(width / 2 * (1 + value / reach), 1)

    dots = "".join(
        f'<circle cx="{x(log(one))}" cy="{40 + 14 * index}" r="4" fill="currentColor">'
        f"<title>pair {index + 1}: {one:.3f}</title></circle>"
        for index, one in enumerate(ratios)
    )
    band = x(margin) - x(-margin)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" width="100%" '
        'aria-label="time ratio of each pair, the interval and the margin">'
        f'<rect x="{x(-margin)}" y="0" width="{band:.1f}" height="{height}" opacity=".12" '
        'fill="currentColor"><title>margin</title></rect>'
        f'<line x1="{x(0)}" x2="{x(0)}" y1="0" y2="{height}" stroke="currentColor" '
        'stroke-dasharray="3"/>'
        f'<line x1="{x(low)}" x2="{x(high)}" y1="16" y2="16" stroke="currentColor" '
        f'stroke-width="5"><title>{speed["low"]:.3f} to {speed["high"]:.3f}</title></line>'
        f"{dots}</svg><p>Left of the dashed line the patched arm is faster. Dots: pairs; bar: the "
        "interval; band: the margin.</p>"
    )


def _where(one: Mapping[str, Any], key: str) -> object:
    return f"{one['where']}:{one['line']}" if key == "where" else one[key]


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    lines = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption><tr>{head}</tr>{lines}</table>"


def _cell(value: object) -> str:
    if value is None:
        return "<td>-</td>"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    known = text if text in ("pass", "fail", "faster", "slower") else ""
    return f'<td class="{known}">{escape(text)}</td>'
