"""A verification as Markdown, for a pull request or a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from patcher.report.verdict import TABLE_COLUMNS, table_headings


def render(result: Mapping[str, Any]) -> str:
    """The whole result; values are escaped, so that none is read as markup."""
    lines = [f"**{result['verdict']}**: {_plain(result['sentence'])}", ""]
    if "speed" in result:
        lines += [_plain(result["speed"]["sentence"]), ""]
    headings = ["model", "test", "baseline", "patched", "gate", "error"]
    rows = [
        [
            case["model"],
            case["test"],
            case["baseline"]["status"],
            case["status"],
            case["gate"],
            case["error"],
        ]
        for case in result["cases"]
    ]
    if rows:
        lines += [*_table(headings, rows), ""]
    if "table" in result:
        names = table_headings(result)
        for arm in ("baseline", "patched"):
            table = [[row.get(key) for _, key in TABLE_COLUMNS] for row in result["table"][arm]]
            lines += [f"{arm}:", "", *_table(names, table), ""]
    for one in result["diagnosis"]:
        lines += [f"- {_plain(one['error'])}"]
        lines += [
            f"  - {key}: {_plain(one[key])}"
            for key in ("where", "line", "cause", "created_at", "fires_when", "patch", "remedy")
            if one[key] is not None and one[key] != ""
        ]
    if result.get("weights"):
        lines += ["", f"Weights: {_plain(result['weights'])}."]
    return "\n".join(lines).rstrip()


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"

    return [line(headings), "|" + "---|" * len(headings), *map(line, rows)]


def _plain(value: object) -> str:
    if value is None:
        return "-"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    for mark in "\\`*_<>[]#":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
