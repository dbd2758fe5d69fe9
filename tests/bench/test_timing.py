"""The bench on real processes of the small target: every part of the chain, in seconds."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from patcher.bench.inputs import plan_inputs
from patcher.bench.speed import BenchPlan
from patcher.bench.stopwatch import Workload
from patcher.bench.timing import Claim, Terms, TimingObserver, time_arms
from patcher.execution.executor import Job, LocalExecutor, Step
from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import Arm, Case
from patcher.patchfile.model import Equivalence
from tests.smalltarget.adapter import MODELS, TESTS, adapter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from patcher.bench.records import ProcessTiming
    from patcher.bench.report import BenchReport

REPOSITORY = Path(__file__).resolve().parents[2]
TREE = REPOSITORY / "tests" / "smalltarget" / "tree"
ONE_BLOCK = BenchPlan("one block", looks=(2,), confidence=0.5, timed=2, measured_s=0.2)


def workload(seed: str, recorded: Mapping[Case, object] | None = None) -> Workload:
    """Both models, the first test; a block of two pairs, inputs drawn from the seed."""
    models = plan_inputs([(model, TESTS[:1]) for model in MODELS], ONE_BLOCK, seed)
    return Workload(models, recorded or {}, timeout_s=20, component_repeats=1)  # type: ignore[arg-type]


CASES = [Case(model.name, TESTS[0].name) for model in MODELS]


def site(folder: Path, tree: Path) -> WorkerSite:
    return WorkerSite(
        FrozenTree.of(tree, tree.name, adapter.packages),
        adapter.serving,
        folder / "logs",
        folder / "stages",
        sys_path=(str(REPOSITORY),),
    )


def sites(folder: Path, change: tuple[str, str] = ("", "")) -> dict[Arm, WorkerSite]:
    """The small target on both arms, one replacement made in the patched one."""
    patched = folder / "patched"
    shutil.copytree(TREE, patched)
    voice = patched / "hum" / "voice.py"
    text = voice.read_text()
    assert change[0] in text
    voice.write_text(text.replace(*change) if change[0] else text)
    return {Arm.BASELINE: site(folder, TREE), Arm.PATCHED: site(folder, patched)}


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor() as actual:
        yield actual


def measure(
    executor: LocalExecutor, arms: Mapping[Arm, WorkerSite], folder: Path, **options: object
) -> BenchReport:
    budget_s = options.pop("budget_s", None)
    equivalence = options.pop("equivalence", Equivalence.BITWISE)
    return time_arms(
        Terms(ONE_BLOCK, budget_s=budget_s, claim=Claim(equivalence)),  # type: ignore[arg-type]
        executor,
        arms,
        workload,
        folder / "runs.sqlite",
        TimingObserver(**options),  # type: ignore[arg-type]
    )


@pytest.mark.slow  # a clock decides: for a quiet machine
def test_half_the_work_is_faster_and_everything_beside_it_is_told(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    arms = sites(tmp_path, ("ROUNDS = 400", "ROUNDS = 100"))
    recorded = executor_record(executor, arms[Arm.BASELINE])
    work = partial(workload, recorded={CASES[0]: recorded})
    actual = time_arms(
        Terms(ONE_BLOCK, claim=Claim(Equivalence.PERCEPTUAL)),
        executor,
        arms,
        work,
        tmp_path / "runs.sqlite",
    )
    speed, table = actual.figures, actual.table
    assert speed.verdict == "faster"
    assert speed.time_ratio < 0.7
    assert speed.pairs == 2
    assert speed.endpoint == "seconds"
    assert {row.name for row in speed.stages} == {"spectrogram", "vocoder"}
    (part,) = speed.components
    assert part.name == "Low hum / vocoder"
    assert (part.gate.gate, part.gate.passed) == ("bitwise", True)
    names = [f"{CASES[0]} / {stage}" for stage in ("spectrogram", "vocoder")]
    assert [row.name for row in speed.fixed_work] == names
    assert speed.fixed_work[1].time_ratio < 0.7
    assert [row.model for row in table.patched] == [model.name for model in MODELS]
    assert table.ratio[0].avg_gen_s < 0.7
    assert speed.environment["processors"] >= 1


def executor_record(executor: LocalExecutor, where: WorkerSite) -> list[Mapping[str, object]]:
    """The stages of one gate run, as the worker describes them."""
    open_model = Step("open", {"model": vars(MODELS[0]), "seed": 0})
    run = Step("run", {"test": vars(TESTS[0])})
    executor.submit(Job(where, (open_model, run, Step("stages"))))
    reports = executor.wait()
    while not reports[-1].last:
        reports += executor.wait()
    stages: list[Mapping[str, object]] = reports[-1].value["stages"]
    return stages


def test_an_interrupted_bench_resumes_and_repeats_no_finished_pair(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    arms = sites(tmp_path)
    timed: list[int] = []

    def interrupt(index: int, timing: ProcessTiming) -> None:
        timed.append(index)
        if index == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(executor, arms, tmp_path, progress=interrupt)
    assert set(timed) == {0, 1}  # more than once each where the machine was not quiet
    rest: list[int] = []
    actual = measure(executor, arms, tmp_path, progress=lambda index, _: rest.append(index))
    assert actual.run.reused == 1
    assert set(rest) == {1}
    assert len(actual.run.pairs) == 2


def test_an_arm_that_dies_while_timing_is_named_and_ends_the_bench(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    crash = "import os; os.abort() if self.pitch > 200 else None\n        "
    change = ("table = self.polish(", f"{crash}table = self.polish(")
    actual = measure(executor, sites(tmp_path, change), tmp_path).figures
    assert actual.stopped == "fault"
    assert actual.fault.reason == "timed-crash"
    assert "High hum / Short" in actual.failure
    assert "SIGABRT" in actual.failure
    assert actual.verdict == "not-measured"
    assert "the patched arm failed while it was timed: High hum / Short" in actual.sentence


def test_an_isolated_part_that_differs_is_named_under_the_claim(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    louder = sites(tmp_path, ("level = 0.2 ", "level = 0.2005 "))
    actual = measure(executor, louder, tmp_path, equivalence=Equivalence.PERCEPTUAL)
    gate = actual.figures.components[0].gate
    assert (gate.gate, gate.passed) == ("perceptual", True), gate


def test_other_bytes_while_timed_are_a_fault_under_the_claim_bitwise(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    louder = sites(tmp_path, ("level = 0.2 ", "level = 0.2005 "))
    actual = measure(executor, louder, tmp_path).figures
    assert actual.stopped == "fault"
    assert actual.fault.reason == "timed-wrong"
    assert {case.test for case in actual.fault.cases} == {"Short"}


def test_a_timed_answer_that_a_looser_gate_would_refuse_is_a_fault(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    silent = sites(tmp_path, ("level = 0.2 ", "level = 0.0 * 0.2 "))
    actual = measure(executor, silent, tmp_path, equivalence=Equivalence.PERCEPTUAL).figures
    assert actual.fault.reason == "timed-wrong"
    assert "fails its gate" in actual.fault.sentence


def test_no_input_comes_twice_before_the_row_of_repeated_ones(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    actual = measure(executor, sites(tmp_path), tmp_path)
    speed = actual.figures
    assert speed.repeating_cases == []
    assert speed.repeated.cases == [str(case) for case in CASES]
    assert 0.5 < speed.repeated.time_ratio < 2
    labels = [label for label in actual.run.pairs[0].patched.answers if "again" not in label]
    assert len(labels) == len(set(labels)) == 4


def test_a_budget_that_is_spent_keeps_the_bench_open(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    arms = sites(tmp_path)
    first = measure(executor, arms, tmp_path, budget_s=1e-6)
    assert first.figures.stopped == "budget"
    assert len(first.run.pairs) <= 1
    second = measure(executor, arms, tmp_path)
    assert second.run.reused == len(first.run.pairs)
    assert len(second.run.pairs) == 2
