"""What `patcher verify` prints for people. Input: the object of the JSON contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from patcher.report.console import cell, console, table

if TYPE_CHECKING:
    from rich.console import Console

# The report's own table, column by column: heading and key of a row.
TABLE_COLUMNS = (
    ("Model Name", "model"),
    ("Tests", "tests"),
    ("Avg Gen Time (s)", "avg_gen_s"),
    ("Avg RTF", "avg_rtf"),
    ("Avg VRAM Used (MB)", "avg_vram_mb"),
    ("Min RTF", "min_rtf"),
    ("Max RTF", "max_rtf"),
)
ON_CPU = "Avg Process Growth (MB)"
MOST_CHARACTERS = 48
COLOURS = {
    "pass": "bold green",
    "fail": "bold red",
    "cannot-judge": "bold yellow",
    "undeclared": "bold red",
}


def print_verification(result: Mapping[str, Any], *, color: bool | None) -> None:
    """Cases, tables, the verdict in one sentence, the diagnosis, what was restored."""
    out = console(color=color)
    if result["cases"]:
        out.print(table(["model", "test", "baseline", "patched", "gate", "error"], _cases(result)))
    if "table" in result:
        print_tables(result, out)
    if result.get("weights"):
        out.print(f"weights: {result['weights']}", soft_wrap=True)
    for warning in result.get("warnings", ()):
        out.print(f"note: {warning}", style="yellow", soft_wrap=True)
    for name, words in result.get("declares", {}).items():
        out.print(f"{name} declares: {', '.join(words)}", style="yellow", soft_wrap=True)
    for one in result.get("undeclared", ()):
        way = " or ".join(one["needs"])
        way = f"declares: {way}" if way else "nothing can declare that"
        where = f"{one['file']}:{one['line']}"
        out.print(f"{one['patch']} {one['what']}", style="bold", soft_wrap=True)
        out.print(f"  at         {where} ({way})", soft_wrap=True)
    for number, one in enumerate(result["diagnosis"], 1):
        _print_diagnosis(number, one, out)
    out.print()
    out.print(f"verdict: {result['verdict']}", style=COLOURS[result["verdict"]])
    out.print(result["sentence"], soft_wrap=True)
    if "speed" in result:
        out.print(result["speed"]["sentence"], soft_wrap=True)
    if result["restored"]:
        left = ", ".join(result["series"]) or "pristine"
        out.print(f"restored from backup and re-hashed: the tree is {left}", style="green")
    elif result["verdict"] in ("fail", "undeclared"):
        out.print("kept as it is (--keep)", style="yellow")


def print_tables(result: Mapping[str, Any], out: Console) -> None:
    """The report's table for both arms, and the ratio."""
    headings = table_headings(result)
    for arm in ("baseline", "patched"):
        rows = [[row.get(key) for _, key in TABLE_COLUMNS] for row in result["table"][arm]]
        if rows:
            out.print(table(headings, rows, title=arm))
        else:
            out.print(f"{arm}: not timed")
    ratios = [
        [row[key] for key in ("model", "avg_gen_s", "avg_rtf", "avg_vram_mb")]
        for row in result["table"]["ratio"]
    ]
    if ratios:
        names = ["Model Name", "Gen Time", "RTF", "Memory"]
        out.print(table(names, ratios, title="patched / baseline"))
    source, memory = result["table"]["source"], result["table"]["memory"]
    out.print(f"measured in {source}; memory: {memory}; RTF = compute seconds per audio second")


def table_headings(result: Mapping[str, Any]) -> list[str]:
    """The report's headings; where no device memory was read, the column says what it holds."""
    on_host = "process" in result["table"]["memory"]
    return [ON_CPU if on_host and key == "avg_vram_mb" else text for text, key in TABLE_COLUMNS]


def brief(error: str) -> str:
    """The beginning of an error, for a table; the diagnosis has it whole."""
    first = error.split("\n", maxsplit=1)[0]
    return first if len(first) <= MOST_CHARACTERS else first[: MOST_CHARACTERS - 1] + "…"


def _cases(result: Mapping[str, Any]) -> Iterable[list[object]]:
    for case in result["cases"]:
        status = case["status"] + (" (flaky)" if case.get("flaky") else "")
        yield [
            case["model"],
            case["test"],
            case["baseline"]["status"],
            status,
            case["gate"],
            brief(case["error"] or ""),
        ]


def _print_diagnosis(number: int, one: Mapping[str, Any], out: Console) -> None:
    out.print()
    out.print(f"diagnosis {number}: {one['error']}", style="bold", soft_wrap=True)
    rows = (
        ("at", f"{one['where']}:{one['line']}" if one["where"] else None),
        ("cause", one["cause"]),
        ("made at", one["created_at"]),
        ("fires when", one["fires_when"]),
        ("edit of", one["patch"]),
        ("remedy", f"patcher apply {one['remedy']}" if one["remedy"] else None),
    )
    for key, value in rows:
        if value:
            line = cell(f"  {key:<11}")
            line.append(str(value))
            out.print(line, soft_wrap=True)
