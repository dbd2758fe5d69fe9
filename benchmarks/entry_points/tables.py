"""The tables of `docs/catalogue.md` about entry points, from what was recorded. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BEGIN = "<!-- entry points: written by python -m benchmarks.entry_points -->"
END = "<!-- end of entry points -->"
STAMP = "verified on"
"""What a line of a spec about its entry points begins with."""

Run = Mapping[str, Any]
Results = Mapping[str, Mapping[str, Run]]


def in_page(page: str, results: Results) -> str:
    """The page with the part between its two marks written anew."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no part between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{section(results)}\n{END}{after}"


def section(results: Results) -> str:
    """Every source: which gates its entry points passed, and which patches ran in which."""
    parts: list[str] = []
    for source, runs in sorted(results.items()):
        sets = {name: run for name, run in runs.items() if name.startswith("@")}
        parts += [f"### {source}", ""]
        parts += [*matrix(sets), ""] if sets else []
        parts += [*alone(runs), ""] if len(sets) < len(runs) else []
        parts += [*patches(runs), ""]
    return "\n".join(parts)


def models_of(runs: Mapping[str, Run]) -> list[str]:
    """The models of all runs, in the order they were run."""
    return list(dict.fromkeys(case["model"] for run in runs.values() for case in run["cases"]))


def matrix(runs: Mapping[str, Run]) -> Iterator[str]:
    """A row an entry point: of how many cases the gates pass, on pristine and with each set."""
    yield "| entry point | pristine | " + " | ".join(f"`{name}`" for name in runs) + " |"
    yield "|---|---|" + "---|" * len(runs)
    first = next(iter(runs.values()))
    for model in models_of(runs):
        pristine = [case["baseline"] for case in first["cases"] if case["model"] == model]
        cells = [counted(pristine), *(verdict_cell(run, model) for run in runs.values())]
        yield f"| {model} | " + " | ".join(cells) + " |"
    dates = ", ".join(f"`{name}` {run['date']}" for name, run in runs.items())
    yield ""
    yield f"Tiny synthetic weights, all on a CPU; {dates}."


def alone(runs: Mapping[str, Run]) -> Iterator[str]:
    """A row a patch that was verified by itself, with what it requires: cases by entry point."""
    yield "| patch by itself | verdict | entry points whose code it touches | date |"
    yield "|---|---|---|---|"
    for name, run in sorted(runs.items()):
        if not name.startswith("@"):
            cells = {model: verdict_cell(run, model) for model in models_of({name: run})}
            there = [f"{model} {cell}" for model, cell in cells.items() if cell[0].isdigit()]
            yield f"| `{name}` | {run['verdict']} | {'; '.join(there)} | {run['date']} |"


def verdict_cell(run: Run, model: str) -> str:
    """How many of a model's cases pass, and by which gates."""
    cases = [case for case in run["cases"] if case["model"] == model]
    gates = sorted({case["gate"] for case in cases if case["status"] == "pass"})
    named = f", {' and '.join(gates)}" if gates else ""
    return counted([case["status"] for case in cases]) + named


def counted(statuses: Sequence[str]) -> str:
    """So many of so many; ``not in this version`` where no case applies."""
    judged = [status for status in statuses if status != "not-applicable"]
    if not judged:
        return "not in this version"
    return f"{judged.count('pass')} of {len(judged)}"


def patches(runs: Mapping[str, Run]) -> Iterator[str]:
    """A row a patch: in which entry points its lines ran in a case that passed, and which lines."""
    models = models_of(runs)
    imports = {
        place_of(each)
        for run in runs.values()
        for each in run["exercised"]
        if each["kind"] == "import"
    }
    yield "| patch | verified on | lines that ran, by the first one of each function |"
    yield "|---|---|---|"
    for patch, places in sorted(ran_in(runs).items()):
        every = set().union(*places.values())
        lines = "; ".join(
            f"`{place}`" + (" (import)" if place in imports else only_in(where, every, models))
            for place, where in sorted(places.items())
        )
        yield f"| `{patch}` | {', '.join(served(places, models)) or 'none'} | {lines or 'none'} |"


def ran_in(runs: Mapping[str, Run]) -> dict[str, dict[str, set[str]]]:
    """Of each patch its places in the source, and the models in whose passing cases they ran."""
    models = {*models_of(runs)}
    ran: dict[str, dict[str, set[str]]] = {}
    for run in runs.values():
        passed = {
            f"{case['model']} / {case['test']}" for case in run["cases"] if case["status"] == "pass"
        }
        for each in run["exercised"]:
            cases = [case.rsplit(" / ", 1)[0] for case in each["cases"] if case in passed]
            known = ran.setdefault(each["patch"], {})
            if each["kind"] in ("ran", "import"):
                known.setdefault(place_of(each), set()).update({*cases} & models)
    return ran


def place_of(exercised: Mapping[str, Any]) -> str:
    """File and line of an edit, the file within the package."""
    return f"{exercised['file'].removeprefix('chatterbox/')}:{exercised['line']}"


def served(places: Mapping[str, set[str]], models: Sequence[str]) -> list[str]:
    """The entry points that any of a patch's places ran in, in the order of the matrix."""
    every = set().union(*places.values())
    return [model for model in models if model in every]


def measured(results: Results, patch: str) -> Iterator[str]:
    """A line a source for the ``measured`` texts of a patch's spec."""
    for source, runs in sorted(results.items()):
        models = served(ran_in(runs).get(patch, {}), models_of(runs))
        if models:
            day = max(run["date"] for run in runs.values() if patch in run["series"])
            yield f"{STAMP} {', '.join(models)}; {source}, tiny size, CPU, {day}"


def only_in(where: set[str], every: set[str], models: Sequence[str]) -> str:
    """Which entry points of a patch reached a place, where not all of them did."""
    if where == every:
        return ""
    return f" ({', '.join(model for model in models if model in where) or 'none'})"
