"""Results by processor: every set on every machine, beside its floor. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.catalogue.floor import floors
from benchmarks.catalogue.trees import PRISTINE, Subject

Figures = Mapping[str, Any]
Results = Mapping[str, Mapping[str, Mapping[str, Figures]]]
SPEED, START, WORK = "speed-full", "start-full", "work-full"
STAGES = {"speech_tokens": "T3", "mel": "flow", "vocoder": "vocoder"}
DECIDED = ("faster", "slower", "no-measurable-change")


def speed_head() -> list[str]:
    head = ["processor", "measured", "set", "generation s", "time ratio (interval)", "verdict"]
    return [*head, *(f"{word} s (× of the floor)" for word in STAGES.values()), "rounds"]


def speed_rows(results: Results, subjects: Sequence[Subject]) -> list[list[str]]:
    """A row for each set and machine, pristine first."""
    rows = []
    for folder in sorted(results):
        measured = results[folder].get(SPEED, {})
        for subject in shown(measured, subjects):
            figures = measured[subject.name]
            whole = figures["stages"]["generation"]
            about = figures["about"]
            row = [about["device"], f"{about['date']}, {about['commit']}", f"`{subject.name}`"]
            row.append(f"{whole['seconds']:.2f}")
            row += ["1", ""] if subject.name == PRISTINE else [ratio(whole), whole["verdict"]]
            least = floor_of(results, folder, subject, about["device"])
            for stage in STAGES:
                row.append(beside_floor(figures["stages"][stage]["seconds"], least.get(stage)))
            rows.append([*row, rounds(figures)])
    return rows


def shown(measured: Mapping[str, Figures], subjects: Sequence[Subject]) -> list[Subject]:
    """Pristine and the sets, as far as they were measured."""
    kinds = (each for each in subjects if each.name == PRISTINE or each.name.startswith("@"))
    return [each for each in kinds if each.name in measured]


def floor_of(results: Results, folder: str, subject: Subject, device: str) -> Mapping[str, float]:
    """Seconds by stage; empty where the machine's rates or the work are not known."""
    rates = results[folder].get("rates", {}).get(PRISTINE)
    work = next((each[WORK][PRISTINE] for each in results.values() if WORK in each), None)
    if rates is None or work is None:
        return {}
    return floors([patch.name for patch in subject.series], device, rates["rates"], work)


def beside_floor(seconds: float, least: float | None) -> str:
    text = f"{seconds:.2f}"
    return f"{text} ({seconds / least:.1f})" if least else text


def ratio(stage: Figures) -> str:
    return f"{stage['time_ratio']:.3f} ({stage['low']:.3f} to {stage['high']:.3f})"


def rounds(figures: Figures) -> str:
    """How many count, and what was done about those that a neighbour disturbed."""
    parts = [str(figures["stages"]["generation"]["rounds"])]
    disturbed = figures.get("disturbed")
    if disturbed is None:  # measured before there was a rule
        return parts[0]
    if not any(disturbed.values()):
        parts.append("none disturbed")
    if disturbed["again"]:
        parts.append(f"{disturbed['again']} disturbed and measured again")
    if disturbed["left"]:
        parts.append(f"{disturbed['left']} of them disturbed, out of time")
    if disturbed["own"]:
        parts.append(f"slow rounds of `{disturbed['own']}` alone kept")
    return ", ".join(parts)


def disagreements(results: Results, subjects: Sequence[Subject]) -> list[str]:
    """A line for each set that is one thing on one machine and another on another."""
    lines = []
    for subject in subjects:
        verdicts: dict[str, str] = {}
        for parts in results.values():
            figures = parts.get(SPEED, {}).get(subject.name)
            if figures and subject.name != PRISTINE:
                verdicts[figures["about"]["device"]] = figures["stages"]["generation"]["verdict"]
        if len({word for word in verdicts.values() if word in DECIDED}) > 1:
            each = "; ".join(f"{word} on {device}" for device, word in sorted(verdicts.items()))
            lines.append(f"`{subject.name}`: {each}.")
    return lines


MEMORY = ("loading_mib", "loaded_mib", "resident_mib", "own_mib")


def start_head() -> list[str]:
    head = ["processor", "measured", "set", "opened s", "first audio, cold s", "warm s"]
    memory = ["at its peak while it loads, MiB", "when loaded", "after two generations"]
    return [*head, *memory, "of these its own"]


def start_rows(results: Results, subjects: Sequence[Subject]) -> Iterable[list[str]]:
    for folder in sorted(results):
        measured = results[folder].get(START, {})
        for subject in shown(measured, subjects):
            figures = measured[subject.name]
            about = figures["about"]
            yield [
                about["device"],
                f"{about['date']}, {about['commit']}",
                f"`{subject.name}`",
                *(f"{figures[key]:.1f}" for key in ("opened_s", "cold_s", "warm_s")),
                *(f"{figures[key]:.0f}" for key in MEMORY),
            ]
