"""Verify sets on every entry point of the package, and keep what ran of each patch in which.

    python -m benchmarks.entry_points SOURCE [@SET ...] [--models NAME,...]
    python -m benchmarks.entry_points SOURCE --alone NAME ... [--models NAME,...]

``SOURCE`` is what `patcher init` takes: ``chatterbox-tts==0.1.7``, a folder, a checkout. The sets
(``@exact`` and ``@fast-cpu`` without any) are applied in turn and verified on synthetic weights,
with ``--models`` as named. ``--alone`` verifies patches one by one, each with what it requires, by
default on the entry points whose code it touches. What was seen is kept in ``results.json`` beside
this file; the tables of ``docs/catalogue.md`` and a line of each patch's spec are written from it.
Without a source only these are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.catalogue.stamping import measured_texts, stamped
from benchmarks.entry_points.tables import STAMP, Results, in_page, measured
from patcher.patchfile.catalogue import load_catalogue

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "catalogue.md"
SETS = ("@exact", "@fast-cpu")
PATIENT = ("--inputs", "0", "--timeout", "600")  # a busy machine is no reason to fail a case


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.entry_points", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", nargs="?", help="what `patcher init` takes")
    parser.add_argument("sets", nargs="*", default=SETS, metavar="@SET")
    parser.add_argument("--alone", nargs="+", default=(), metavar="NAME", help="patches, no sets")
    parser.add_argument("--models", help="as of `patcher verify`; for sets, all")
    options = parser.parse_args()
    models = options.models or ("" if options.alone else "all")
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    asked = options.alone or options.sets
    runs = verified(options.source, asked, models) if options.source else ()
    for name, series, run in runs:
        results.setdefault(name, {})[series] = run
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
        print(f"{name} {series}: {run['verdict']}", flush=True)
    PAGE.write_text(in_page(PAGE.read_text("utf-8"), results), "utf-8")
    for path in sorted((ROOT / "patches").glob("*.yaml")):
        text = path.read_text("utf-8")
        path.write_text(with_entry_points(text, path.stem, results), "utf-8")


def with_entry_points(spec: str, patch: str, results: Results) -> str:
    """A spec's text, its lines about entry points those of these results."""
    others = [line for line in measured_texts(spec) if not line.startswith(STAMP)]
    return stamped(spec, [*others, *measured(results, patch)])


def verified(
    source: str, sets: Sequence[str], models: str
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The source's name, a set or patch, and what verifying it on these entry points showed.

    All of a call share a workspace, and so what pristine did.
    """
    with tempfile.TemporaryDirectory() as workspace:
        began = patcher(workspace, "init", source)
        status = patcher(workspace, "status")
        for series in sets:
            applied = patcher(workspace, "apply", *required(series), series)
            chosen = ("--models", models) if models else ()
            judged = patcher(workspace, "verify", *chosen, *PATIENT)
            if "cases" not in judged:
                sys.exit(json.dumps([each.get("error") for each in (began, applied, judged)]))
            patcher(workspace, "revert", "--all")
            yield f"{status['target']} {status['version']}{head_of(source)}", series, kept(judged)


def required(series: str) -> list[str]:
    """What a patch of the catalogue requires; of a set nothing, which is whole."""
    return [] if series.startswith("@") else list(load_catalogue(ROOT).get(series).requires)


def kept(judged: dict[str, Any]) -> dict[str, Any]:
    """What the tables need of a verification."""
    return {
        "verdict": judged["verdict"],
        "date": date.today().isoformat(),
        "series": judged["series"],
        "machine": judged["environment"].get("processor", ""),
        "cases": [kept_case(case) for case in judged["cases"]],
        "exercised": judged["exercised"],
    }


def kept_case(case: dict[str, Any]) -> dict[str, Any]:
    """What the tables need of one case."""
    keys = ("model", "test", "status", "gate", "error")
    return {**{key: case[key] for key in keys}, "baseline": case["baseline"]["status"]}


def head_of(source: str) -> str:
    """The commit of a checkout, for the name of the source; empty for anything else."""
    head = ["git", "-C", source, "log", "-1", "--format=%h %cs"]
    if not Path(source, ".git").exists():
        return ""
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    return f" head ({commit})"


def patcher(workspace: str, *arguments: str) -> dict[str, Any]:
    """One command's JSON."""
    command = [sys.executable, "-m", "patcher", "-C", workspace, *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    main()
