"""From results to ``docs/catalogue-measured.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.catalogue.trees import PRISTINE

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]
NOT_MEASURED = "not measured"
LOOPS = {"t3_step": "T3 step", "cfm_step": "CFM step", "vocoder": "vocoder call"}


ABOUT = {
    "counts": """\
What reaches the dispatcher in one pass of each inner loop. *Operations* compute; the dispatches
beyond them are views. A *read* makes the host wait for a value, an *upload* makes a tensor of a
host's number. Counts depend on neither load nor clock. Same bits: logits, tokens, mel and
waveform of the built-in and two cloned voices equal pristine's.""",
    "gates": """\
Each subject's own gate, on three models and three tests at tiny size. The figures are the worst
of all cases; a bitwise gate has none.""",
    "speed": """\
Patched time over pristine time: full size, 100 speech tokens, the built-in voice. A process
each, loaded once; then rounds in which every one generates once, their order turned round each
time. The interval is the signed-rank one of the rounds' ratios, at 96.8 %. Below 1 is faster.
Seconds are medians.""",
    "life": """\
Generations in one process: three voices and a file that changes, nine lengths.""",
}


def page(by_device: Mapping[str, Results]) -> str:
    """The whole page; ``by_device`` holds the results files by their stems."""
    cpu, cuda = by_device.get("cpu", {}), by_device.get("cuda", {})
    parts = [
        "# The catalogue, measured",
        "Written by `python -m benchmarks.catalogue`; not edited by hand. Weights are synthetic:\n"
        "they bound the numerics, and say nothing about how speech sounds.",
        "## Counts",
        ABOUT["counts"],
    ]
    for part in ("counts-full", "counts-tiny"):
        if found := cpu.get(part):
            parts += [f"### {part.removeprefix('counts-').capitalize()} size", counts(found)]
            parts.append(measured_on(found))
    tables: dict[str, Callable[[Any], str]] = {
        "gates": gates,
        "speed": partial(speed, cuda.get("speed", {})),
        "life": life,
    }
    for part, shown in tables.items():
        found = cpu.get(part, {})
        title = {"gates": "Gates", "speed": "Speed", "life": "A long life"}[part]
        parts += [f"## {title}", ABOUT[part], shown(found), measured_on(found)]
    parts.append(measured_on(cuda.get("speed", {})))
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


def gates(found: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["patch or set", "gate", "verdict", "cases", "worst figures"]
    rows = []
    for name, each in ordered(found):
        cases = ", ".join(f"{number} {status}" for status, number in sorted(each["cases"].items()))
        figures = ", ".join(f"{key} {value:.4g}" for key, value in sorted(each["worst"].items()))
        if each["failures"]:
            figures = "; ".join(each["failures"])
        rows.append([f"`{name}`", each["gate"], each["verdict"], cases, figures])
    return table(head, rows) if rows else NOT_MEASURED


def speed(cuda: Mapping[str, Mapping[str, Any]], cpu: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["patch or set", "CPU: time ratio (interval)", "verdict", "rounds", "generation s"]
    head += ["T3 s", "flow s", "vocoder s", "tokens", "GPU: time ratio (interval)", "verdict"]
    rows = []
    for name in dict(ordered({**cuda, **cpu})):
        here, there = cpu.get(name), cuda.get(name)
        row = [f"`{name}`", *ratio(name, here)]
        if here:
            stages = here["stage_s"]
            row += [str(here["rounds"]), f"{here['wall_s']:.1f}"]
            row += [f"{stages[stage]:.2f}" for stage in ("speech_tokens", "mel", "vocoder")]
            row.append(str(here["tokens"]))
        else:
            row += [""] * 6
        rows.append([*row, *ratio(name, there)])
    return table(head, rows) if rows else NOT_MEASURED


def ratio(name: str, found: Mapping[str, Any] | None) -> list[str]:
    """Time ratio with its interval, and the verdict in words."""
    if found is None:
        return [NOT_MEASURED, ""]
    if name == PRISTINE:
        return ["1", ""]
    low, high = found["low"], found["high"]
    return [f"{found['time_ratio']:.3f} ({low:.3f} to {high:.3f})", found["verdict"]]


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
        line = f"{each['date']}, commit {about['commit']}, {about['device']}; {versions}"
        lines.setdefault(line, []).append(name)
    several = len(lines) > 1
    return "\n".join(
        f"Measured {line}{' (' + ', '.join(names) + ')' if several else ''}.\n"
        for line, names in lines.items()
    ).strip()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
