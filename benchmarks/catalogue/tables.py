"""From results to ``docs/catalogue-measured.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.catalogue.trees import PRISTINE

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
NOT_MEASURED = "not measured"
LOOPS = {"t3_step": "T3 step", "cfm_step": "CFM step", "vocoder": "vocoder call"}


def page(by_device: Mapping[str, Results]) -> str:
    """The whole page; ``by_device`` holds the results files by their stems."""
    cpu, cuda = by_device.get("cpu", {}), by_device.get("cuda", {})
    parts = [
        "# The catalogue, measured",
        "Written by `python -m benchmarks.catalogue`; not edited by hand. Weights are synthetic: "
        "they exercise every operation at its real size, and say nothing about how speech sounds.",
        "## Counts",
        "What reaches the dispatcher in one pass of each inner loop. *Operations* compute; the "
        "dispatches beyond them are views. A *read* makes the host wait for a value, an *upload* "
        "makes a tensor of a host's number. Counts do not depend on load or clock. Same bits: "
        "tokens, mel and waveform of the built-in and two cloned voices equal pristine's.",
        counts(cpu.get("counts", {})),
        measured_on(cpu.get("counts", {})),
        "## Speed",
        "Patched time over pristine time: full size, 100 speech tokens, the built-in voice, the "
        "first generation of a fresh process; processes in interleaved pairs, every subject gated "
        "before it is timed. Below 1 is faster.",
        speed(cpu.get("speed", {}), cuda.get("speed", {})),
        measured_on(cpu.get("speed", {})),
        measured_on(cuda.get("speed", {})),
        "## A long life",
        "Generations in one process, three voices and a file that changes, nine lengths.",
        life(cpu.get("life", {})),
        measured_on(cpu.get("life", {})),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def counts(found: Mapping[str, Mapping[str, Any]]) -> str:
    if PRISTINE not in found:
        return NOT_MEASURED
    base = found[PRISTINE]
    head = ["patch or set", *(f"{loop}: operations (dispatches)" for loop in LOOPS.values())]
    head += ["reads / uploads a T3 step", "reads a CFM step", "same bits"]
    rows = []
    for name, each in ordered(found):
        row = [f"`{name}`"]
        for key in LOOPS:
            now, then = each[key], base[key]
            share = now["operations"] / then["operations"] - 1
            change = f" {share:+.0%}" if round(share, 2) else ""
            row.append(f"{now['operations']}{change} ({now['dispatches']})")
        row.append(f"{each['t3_step']['reads']} / {each['t3_step']['uploads']}")
        row.append(str(each["cfm_step"]["reads"]))
        row.append("yes" if each["stages"] == base["stages"] else "no")
        rows.append(row)
    return table(head, rows)


def speed(cpu: Mapping[str, Mapping[str, Any]], cuda: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["patch or set", "gate", "CPU: time ratio (interval)", "CPU verdict", "pairs"]
    head += ["GPU: time ratio (interval)", "GPU verdict"]
    rows = []
    for name in sorted({*cpu, *cuda}):
        here, there = cpu.get(name), cuda.get(name)
        gates = (here or there or {}).get("gates", [])
        gate = next((each["name"] for each in gates if each["name"] != "smoke"), "")
        passed = "passed" if all(each["passed"] for each in gates) else "failed"
        row = [f"`{name}`", f"{gate}: {passed}", *ratio(here)]
        row += [str((here or {}).get("speed", {}).get("pairs", "")), *ratio(there)]
        rows.append(row)
    return table(head, rows)


def ratio(found: Mapping[str, Any] | None) -> list[str]:
    """Time ratio with its interval, and the verdict in words."""
    measured = (found or {}).get("speed")
    if not measured or measured.get("time_ratio") is None:
        return [NOT_MEASURED, measured["verdict"] if measured else ""]
    low, high = measured["low"], measured["high"]
    return [f"{measured['time_ratio']:.3f} ({low:.3f} to {high:.3f})", measured["verdict"]]


def life(found: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["set", "generations", "resident MiB", "modules", "hooks", "state keys", "tensors"]
    rows = []
    for name, each in ordered(found):
        marks = each["marks"]
        chosen = [marks[len(marks) // 4 - 1], marks[len(marks) // 2 - 1], marks[-1]]

        def steps(key: str, chosen: Sequence[Mapping[str, Any]] = chosen) -> str:
            return " → ".join(str(mark[key]) for mark in chosen)

        keys = ("generation", "rss_mib", "modules", "hooks", "state", "tensors")
        rows.append([f"`{name}`", *(steps(key) for key in keys)])
    return table(head, rows) if rows else NOT_MEASURED


def ordered(
    found: Mapping[str, Mapping[str, Any]],
) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Pristine first, then patches, then sets."""
    return sorted(found.items(), key=lambda item: (item[0] != PRISTINE, item[0][0] == "@", item[0]))


def measured_on(found: Mapping[str, Mapping[str, Any]]) -> str:
    """One line for each date, commit and machine."""
    lines: dict[str, list[str]] = {}
    for name, each in ordered(found):
        about = each["about"]
        versions = ", ".join(f"{key} {value}" for key, value in about["versions"].items())
        scale = f", {each['scale']} size" if each.get("scale") else ""
        line = f"{each['date']}, commit {about['commit']}, {about['device']}{scale}; {versions}"
        lines.setdefault(line, []).append(name)
    several = len(lines) > 1
    return "\n".join(
        f"Measured {line}{' (' + ', '.join(names) + ')' if several else ''}.\n"
        for line, names in lines.items()
    ).strip()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
