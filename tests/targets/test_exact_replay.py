"""The real Chatterbox replayed in double precision: the reference of the gate `close`."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import distribution
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from patcher.commands.shared.verify_request import cache_folder
from patcher.execution.executor import Job, LocalExecutor, Report, Step
from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import stage_from
from patcher.execution.runner import Silent, run_job
from patcher.gates import arrays
from patcher.targets.adapter import Matrix, Options
from patcher.targets.chatterbox import MODELS, TESTS, adapter
from tests.mutations.changes import copy_tree, installed_package

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, arrays.Array]]:
    """Stages of a replay, of one in double precision, and of one after that, by name."""
    folder: Path = tmp_path_factory.mktemp("exact")
    digest = copy_tree(installed_package("chatterbox"), folder / "tree" / "chatterbox", ())
    matrix = Matrix(MODELS[:1], TESTS[1:2])
    options = Options(device="cpu", cache=cache_folder())
    assets = adapter.assets(matrix, options, distribution("chatterbox-tts").version)
    site = WorkerSite(
        FrozenTree.of(folder / "tree", digest, adapter.packages),
        adapter.serving,
        folder / "logs",
        folder / "stages",
        assets=assets.values,
        device="cpu",
        threads=1,
    )
    opening = Step("open", {"model": asdict(MODELS[0]), "seed": 0})
    test = asdict(TESTS[1])

    def run(executor: LocalExecutor, *steps: Step) -> list[Report]:
        reports = run_job(executor, Job(site, steps), Silent())
        assert all(report.failure is None for report in reports), reports[-1].failure
        return reports

    with LocalExecutor() as executor:
        if not assets.ready:
            run(executor, Step("make", {"function": adapter.making}))
        one_run = Step("run", {"test": test})
        ran = run(executor, opening, one_run, Step("stages"))[-1]
        recorded = {stage["name"]: stage for stage in ran.value["stages"]}
        request = {"test": test, "recorded": recorded}
        exact = {**request, "exact": True}
        steps = [Step("replay", each) for each in (request, exact, request)]
        reports = run(executor, opening, *steps)[1:]
    return [
        {each["name"]: arrays.load(stage_from(each)) for each in report.value["stages"]}
        for report in reports
    ]


@pytest.mark.parametrize("stage", ["logits", "mel", "waveform"])
def test_double_precision_is_near_but_not_equal(
    stage: str, replays: list[dict[str, arrays.Array]]
) -> None:
    single, double, _ = (replay[stage] for replay in replays)
    assert (single.dtype, double.dtype) == ("float32", "float64")
    assert 0 < arrays.max_abs_difference(single.numbers, double.numbers) < 1e-3


def test_the_session_is_as_it_was_afterwards(replays: list[dict[str, arrays.Array]]) -> None:
    assert replays[0] == replays[2]
