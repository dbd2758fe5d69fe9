"""The gate table: every known-bad mutation and every acceptable change against every gate.

    python -m tests.mutations.table --out FOLDER [--only NAME ...] [--table]

Runs each change on the real package with the synthetic tiny checkpoint, one worker process a
change, and keeps each result in FOLDER: an interrupted run goes on where it stopped. ``--table``
only prints the Markdown table of what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from docs.tables import circumstances, write_table
from patcher.execution import machine as host
from patcher.execution.executor import Job, LocalExecutor, Step
from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import Arm, Case, CaseResult
from patcher.execution.rundb import result_from
from patcher.execution.runner import Silent, case_result, looked
from patcher.gates import close, perceptual
from patcher.gates.bitwise import compare
from patcher.gates.perceptual import compare_utterance
from patcher.gates.result import GateResult
from patcher.gates.smoke import smoke
from patcher.patchfile.model import Equivalence
from patcher.targets.adapter import Matrix, Options, Test
from patcher.targets.chatterbox import MODELS, TESTS, adapter
from patcher.verify.setup import Request, prepare
from tests.mutations.changes import ACCEPTED, REJECTED, Changes, copy_tree, installed_package

GATES = ("smoke", "bitwise", "close", "perceptual")
MODEL = MODELS[0]
TIMEOUT_S = 900.0  # of one step: a machine busy with other things only takes longer


def changes() -> dict[str, tuple[str, Changes]]:
    """Every change with the loosest claim it may pass under, ``none`` for a fault."""
    return {
        **{name: ("none", change) for name, change in REJECTED.items()},
        **ACCEPTED,
    }


def make_tree(folder: Path, name: str, change: Changes) -> FrozenTree:
    """A tree of the installed package with one change, at a path of its own."""
    root = folder / "trees" / f"{name.replace(' ', '-')}-{time.time_ns()}"
    digest = copy_tree(installed_package("chatterbox"), root / "chatterbox", change)
    return FrozenTree.of(root, digest, adapter.packages)


def run_arm(
    executor: LocalExecutor, site: WorkerSite, tests: Sequence[Test], recorded: Mapping[Case, Any]
) -> dict[str, dict[Case, CaseResult]]:
    """Run all tests on one arm, and replay each on what the baseline recorded."""
    planned: list[tuple[str, Test, dict[str, Any]]]
    planned = [(op, test, {}) for test in tests for op in ("run", "stages")]
    for test in tests:
        stages = {stage.name: asdict(stage) for stage in recorded.get(case_of(test), ())}
        planned += [("replay", test, {"recorded": stages})] if stages else []
    opening = Step("open", {"model": asdict(MODEL), "seed": 0}, TIMEOUT_S)
    steps = [
        Step(op, {} if op == "stages" else {"test": asdict(test), **extra}, TIMEOUT_S)
        for op, test, extra in planned
    ]
    handle = executor.submit(Job(site, (opening, *steps)))
    actual: dict[str, dict[Case, CaseResult]] = {"run": {}, "replay": {}}
    last = False
    while not last:
        for report in executor.wait():
            last = report.last
            if report.job == handle and report.step > 0 and report.progress is None:
                op, test, _ = planned[report.step - 1]
                case = case_of(test)
                if op != "stages":
                    actual[op][case] = case_result(Arm.PATCHED, case, report, {})
                elif actual["run"][case].ok:
                    actual["run"][case] = looked(actual["run"][case], report.value, {})
    return actual


def kept_baseline(
    folder: Path, executor: LocalExecutor, site: WorkerSite, tests: Sequence[Test]
) -> dict[str, dict[Case, CaseResult]]:
    """The baseline's runs and replays, kept between calls."""
    kept = folder / f"baseline-{len(tests)}.json"
    if not kept.exists():
        first = run_arm(executor, site, tests, {})
        recorded = {case: result.stages for case, result in first["run"].items()}
        whole = run_arm(executor, site, tests, recorded)
        if not all(
            len(each) == len(tests) and all(r.ok for r in each.values()) for each in whole.values()
        ):
            raise RuntimeError("the baseline itself did not run to its end: nothing can be judged")
        reported = {
            kind: [asdict(each) for each in results.values()] for kind, results in whole.items()
        }
        kept.write_text(json.dumps(reported))
    return {
        kind: {each.case: each for each in map(result_from, results)}
        for kind, results in json.loads(kept.read_text()).items()
    }


def case_of(test: Test) -> Case:
    return Case(MODEL.name, test.name)


def verdicts(baseline: Any, patched: Any) -> dict[str, Any]:
    """What each gate says: ``pass``, or the first case's message."""
    by_gate: dict[str, Any] = {}
    for gate in GATES:
        results = [judge(gate, baseline, patched, case) for case in baseline["run"]]
        if gate == "perceptual" and all(result.passed for result in results):
            pairs = [(baseline["run"][case], patched["run"][case]) for case in baseline["run"]]
            results.append(
                perceptual.judge_utterances([compare_utterance(*pair) for pair in pairs])
            )
        bad = next((result for result in results if not result.passed), None)
        figures: dict[str, float] = {}
        for result in results:
            for name, value in result.measured.items():
                figures[name] = max(figures.get(name, value), value, key=abs)
        by_gate[gate] = {
            "passed": bad is None,
            "message": bad.message if bad else "",
            "worst": figures,
        }
    return by_gate


def judge(gate: str, baseline: Any, patched: Any, case: Case) -> GateResult:
    """One gate on one case; a run that failed is rejected by every gate."""
    for kind in ("run", "replay"):
        result = patched[kind].get(case)
        if result is None:
            return GateResult(gate, False, f"{kind}: the worker ended before it")
        if not result.ok:
            text = result.failure.text if result.failure else result.not_applicable
            return GateResult(gate, False, f"{kind}: {text}")
    if gate == "smoke":
        return smoke(patched["run"][case])
    if gate == "bitwise":
        return compare(baseline["run"][case], patched["run"][case])
    compare_replays = {"close": close.judge, "perceptual": perceptual.judge}[gate]
    return compare_replays(baseline["replay"][case].stages, patched["replay"][case].stages)


def run(folder: Path, names: Sequence[str], tests: Sequence[Test], cache: Path) -> None:
    """Run the named changes that have no result yet."""
    options = Options(device="cpu", scale="tiny", cache=cache)
    baseline_tree = make_tree(folder, "baseline", ())
    request = Request(
        adapter,
        "0.1.7",
        {Arm.BASELINE: baseline_tree, Arm.PATCHED: baseline_tree},
        Matrix((MODEL,), tuple(tests)),
        folder / "run",
        options,
        Equivalence.PERCEPTUAL,
    )
    with LocalExecutor() as executor:
        setup = prepare(request, executor, host.usable_processors(), Silent())
        site = setup.sites[Arm.BASELINE]
        baseline = None
        for name in names:
            kept = folder / f"{name.replace(' ', '-')}.json"
            if kept.exists():
                continue
            if baseline is None:
                baseline = kept_baseline(folder, executor, site, tests)
                recorded = {case: result.stages for case, result in baseline["run"].items()}
            _, change = changes()[name]
            tree = make_tree(folder, name, change)
            patched = run_arm(executor, replace(site, tree=tree), tests, recorded)
            record = {"name": name, "gates": verdicts(baseline, patched)}
            kept.write_text(json.dumps(record, indent=1))
            print(f"{name}: done", flush=True)


def table(folder: Path) -> tuple[str, bool]:
    """The Markdown table of all results, and whether every one is as it must be."""
    lines = ["| change | claim | " + " | ".join(GATES) + " | what the loosest rejection says |"]
    lines.append("|---|---|" + "---|" * len(GATES) + "---|")
    right = True
    for name, (expected, _) in changes().items():
        kept = folder / f"{name.replace(' ', '-')}.json"
        if not kept.exists():
            lines.append(f"| {name} | {expected} |" + " not run |" * (len(GATES) + 1))
            right = False
            continue
        gates = json.loads(kept.read_text())["gates"]
        marks = ["pass" if gates[gate]["passed"] else "reject" for gate in GATES]
        order = ("bitwise", "close", "perceptual")
        should = {
            gate: expected in order and order.index(gate) >= order.index(expected) for gate in order
        }
        right &= all(gates[gate]["passed"] == passes for gate, passes in should.items())
        message = next((gates[g]["message"] for g in reversed(order) if not gates[g]["passed"]), "")
        cells = [name, expected, *marks, message.replace("|", "\\|")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines), right


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(changes()), default=list(changes()))
    parser.add_argument("--tests", type=int, default=2, help="how many tests of the matrix")
    parser.add_argument("--cache", type=Path, default=None, help="where weights are kept")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("--into", type=Path, help="also write the tables into this page")
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.table:
        run(
            options.out,
            options.only,
            TESTS[: options.tests],
            options.cache or options.out / "cache",
        )
    text, right = table(options.out)
    print(text)
    if options.into:
        write_table(options.into, "mutations", f"{circumstances(options.date)}\n\n{text}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
